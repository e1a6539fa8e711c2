/** The smallest surroundings of the device domain, for tests of its logic: a cache that keeps nothing, and a request. */
import { ANONYMOUS, type Permission, type Principal } from '../../src/auth/principal.js';
import { Budget, type CacheReader, type CacheWriter, type Invalidation, type Namespace } from '../../src/cache/cache.js';
import type { DeviceStore } from '../../src/devices/device.store.js';
import { EmbeddedDeviceStore } from '../../src/devices/embedded.store.js';
import { readUser } from '../../src/devices/user-document.js';
import type { RequestScope } from '../../src/request.js';
import { stored, type UserFixture } from '../contract/device-store-fixtures.js';

export function embeddedStore(...users: UserFixture[]): EmbeddedDeviceStore {
  return new EmbeddedDeviceStore(users.map((user) => readUser(stored(user))).filter((user) => user !== undefined));
}

export interface PassingCache extends CacheReader, CacheWriter {
  readonly reads: { readonly namespace: Namespace; readonly ids: readonly string[] }[];
  /** What each change said that it makes stale. */
  readonly changes: (readonly string[])[];
}

/** Asks the source each time, and remembers only that it was asked. */
export function passingCache(): PassingCache {
  const reads: PassingCache['reads'] = [];
  const changes: PassingCache['changes'] = [];
  return {
    reads,
    changes,
    async getMany(namespace, ids, _budget, load) {
      reads.push({ namespace, ids });
      const loaded = await load(ids);
      return new Map(
        [...loaded].map(([id, { value, tags }]) => [
          id,
          { value, deps: [`${namespace.name}:${id}`, ...tags], ageMs: 0, freshForMs: 1_000 },
        ]),
      );
    },
    async change(deps, change) {
      changes.push(deps);
      return { result: await change(), invalidation: INVALIDATION };
    },
  };
}

export const INVALIDATION: Invalidation = {
  id: '1',
  status: 'APPLIED',
  pattern: null,
  matched: null,
  removed: null,
  requestedAt: new Date(0),
  appliedAt: new Date(1),
  elapsedMs: 1,
  pods: null,
  actor: null,
  ids: null,
};

export interface FakeRequest extends RequestScope {
  /** How often it was asked who asks. */
  readonly asked: number;
  readonly deps: ReadonlySet<string>;
  readonly isStorable: boolean;
  readonly staleAgeSeconds: number | undefined;
}

export function requestBy(principal: Principal = ANONYMOUS): FakeRequest {
  const deps = new Set<string>();
  const state: { asked: number; isStorable: boolean; staleAgeSeconds: number | undefined } = {
    asked: 0,
    isStorable: true,
    staleAgeSeconds: undefined,
  };
  return {
    requestId: 'request-1',
    cacheBudget: new Budget(50),
    deps,
    get asked() {
      return state.asked;
    },
    get isStorable() {
      return state.isStorable;
    },
    principal() {
      state.asked += 1;
      return principal;
    },
    touched(more: Iterable<string>) {
      for (const dep of more) deps.add(dep);
    },
    neverStale() {},
    noStore() {
      state.isStorable = false;
    },
    servedStale(ageSeconds) {
      state.staleAgeSeconds = ageSeconds;
    },
    get staleAgeSeconds() {
      return state.staleAgeSeconds;
    },
  };
}

export function user(id: string, ...permissions: Permission[]): Principal {
  return { kind: 'USER', id, permissions };
}

export function service(...permissions: Permission[]): Principal {
  return { kind: 'SERVICE', id: 'batch-job', permissions };
}

export function deviceKey(owner: string, deviceId: string, name: string): Principal {
  return { kind: 'DEVICE', id: `${deviceId}|${name}`, owner, deviceId, name, permissions: [] };
}

/** A store whose questions are counted, by method. */
export function counting(store: DeviceStore): { readonly store: DeviceStore; readonly calls: string[] } {
  const calls: string[] = [];
  const counted = new Proxy(store, {
    get(target, method: keyof DeviceStore) {
      return (...call: never[]) => {
        calls.push(method);
        return (target[method] as (...call: never[]) => unknown)(...call);
      };
    },
  });
  return { store: counted, calls };
}
