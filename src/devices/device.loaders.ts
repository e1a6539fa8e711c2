/**
 * How resolvers read devices: by DataLoaders that live for one request, over the cache, which asks the store for what it lacks. Here,
 * and nowhere else, it is decided when a read has to know who asks. Changes don't read through here.
 */
import DataLoader from 'dataloader';
import { type BatchLoad, type CacheReader, type Found, type Namespace } from '../cache/cache.js';
import type { RequestScope } from '../request.js';
import { isPossibleId, type DeviceListingQuery, type DevicePage, type DeviceRecord, type DeviceStore } from './device.store.js';
import { depsOfAbsence, DEVICE_NAMESPACE, tagsOfDevice } from './device.tags.js';
import { maySee } from './device.visibility.js';
import { ListingReader } from './listing.reader.js';

/** How long devices stay cached, in seconds: found, unknown, and while the database is down. */
export interface DeviceLifetimes {
  readonly ttlSeconds: number;
  readonly negativeTtlSeconds: number;
  readonly graceSeconds: number;
}

export interface DeviceLoaders {
  /** The device, or null where there is none or the caller may not see it. */
  device(id: string): Promise<DeviceRecord | null>;
  /** The same for many ids, in their order. A failure is one rejection, however many ids it concerns. */
  devices(ids: readonly string[]): Promise<(DeviceRecord | null)[]>;
  listing(query: DeviceListingQuery): Promise<DevicePage>;
}

/** What every resolver of this domain needs of its GraphQL context. */
export interface DeviceContext {
  readonly request: RequestScope;
  readonly devices: DeviceLoaders;
}

/** The cache's namespace of answers to one id each. */
export function deviceNamespace({ ttlSeconds, negativeTtlSeconds, graceSeconds }: DeviceLifetimes): Namespace {
  return { name: DEVICE_NAMESPACE, valueVersion: 1, ttlSeconds, negativeTtlSeconds, graceSeconds };
}

/** Makes what makes the loaders of one request. What outlives a request, and it is little, is made here once per process. */
export function deviceLoaders(parts: {
  readonly store: DeviceStore;
  readonly cache: CacheReader;
  readonly lifetimes: DeviceLifetimes;
}): (request: RequestScope) => DeviceLoaders {
  const { store, cache, lifetimes } = parts;
  const namespace = deviceNamespace(lifetimes);
  const listings = new ListingReader(store, cache, lifetimes);

  const load: BatchLoad<DeviceRecord> = async (ids) => {
    const devices = await store.findDevices(ids);
    return new Map(
      ids.map((id) => {
        const device = devices.get(id);
        return [id, { value: device ?? null, tags: tagsOfDevice(id, device) }];
      }),
    );
  };

  /** An id that no device can have costs neither cache nor database. */
  async function read(
    ids: readonly string[],
    request: RequestScope,
    lifetime = namespace,
  ): Promise<ReadonlyMap<string, Found<DeviceRecord>>> {
    const possible = ids.filter(isPossibleId);
    return possible.length === 0 ? new Map() : cache.getMany(lifetime, possible, request.cacheBudget, load);
  }

  /**
   * While the database is down nothing stands in for what the caller may not see, as for what is absent: it is asked, and fails both
   * alike.
   */
  async function readVisible(
    ids: readonly string[],
    request: RequestScope,
  ): Promise<(id: string) => Found<DeviceRecord> | undefined> {
    const found = await read(ids, request);
    const isHidden = ({ value, staleAgeSeconds }: Found<DeviceRecord>): boolean =>
      staleAgeSeconds !== undefined && value?.isPrivate === true && !maySee(request.principal(), value);
    const hidden = new Set([...found].filter(([, each]) => isHidden(each)).map(([id]) => id));
    if (hidden.size === 0) return (id) => found.get(id);
    const asked = await read([...hidden], request, { ...namespace, graceSeconds: 0 }).catch((error: unknown) => ({
      get: () => {
        throw error;
      },
    }));
    return (id) => (hidden.has(id) ? asked : found).get(id);
  }

  return (request) => {
    /**
     * A public device is everybody's, so the answer may be too. Anything else is answered only after asking who is there, an absent
     * device as well, so that it can't be told from a hidden one.
     */
    function show(id: string, { value, deps, ...times }: Found<DeviceRecord>): DeviceRecord | null {
      const isVisible = value !== null && (!value.isPrivate || maySee(request.principal(), value));
      if (isVisible) {
        request.touched(deps, times.freshForMs);
        return value;
      }
      // An absence never outlives its time, and what is hidden looks like one.
      request.neverStale();
      if (value === null) {
        request.principal();
        request.touched(deps, times.freshForMs);
      } else {
        request.touched(deps, asIfAbsentForMs(times, lifetimes), depsOfAbsence(id));
      }
      return null;
    }

    const byId = new DataLoader<string, DeviceRecord | null>(
      async (ids) => {
        const find = await readVisible(ids, request);
        return ids.map((id) => {
          try {
            const found = find(id);
            if (found === undefined) return show(id, NOTHING);
            if (found.staleAgeSeconds !== undefined) request.servedStale(found.staleAgeSeconds);
            return show(id, found);
          } catch (error) {
            return error as Error; // of this id; what is cached of the others is answered all the same
          }
        });
      },
      { maxBatchSize: Infinity },
    );
    const byQuery = new DataLoader<DeviceListingQuery, DevicePage, string>((queries) => listings.read(queries, request), {
      cacheKeyFn: (query) => listings.digest(query),
    });

    return {
      device: (id) => byId.load(id),
      devices: async (ids) => {
        const devices = await byId.loadMany(ids);
        return devices.map((device) => {
          if (device instanceof Error) throw device;
          return device;
        });
      },
      listing: (query) => byQuery.load(query),
    };
  };
}

/** What is known of an id that no device can have. */
const NOTHING: Found<never> = { value: null, deps: [], ageMs: 0, freshForMs: Infinity };

/**
 * How long an absence in the place of this entry would still be fresh, which a hit tells its client. It would have been looked up anew
 * whenever its shorter time was over, with the jitter that this entry has.
 */
function asIfAbsentForMs({ ageMs, freshForMs }: Pick<Found<never>, 'ageMs' | 'freshForMs'>, lifetimes: DeviceLifetimes): number {
  const periodMs = ((ageMs + freshForMs) * lifetimes.negativeTtlSeconds) / lifetimes.ttlSeconds;
  return periodMs > 0 ? Math.min(periodMs - (ageMs % periodMs), freshForMs) : 0;
}
