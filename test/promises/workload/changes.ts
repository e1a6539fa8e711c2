/** The changes and purges of the workload, each with what it writes or covers and what becomes of its invalidation. */
import type { Reply } from './api.js';
import type { Chain, PlannedChange } from './devices.js';
import type { Action, PodAcks } from '../checker/history.js';
import { CLEAR, INVALIDATE_CACHE, INVALIDATE_DEVICES, REGISTER, REMOVE, UPDATE } from './queries.js';
import type { Outcome } from '../recorder.js';
import type { Owner, Target, World } from './world.js';

/** 250 ms for Redis to take the invalidation, 550 ms for the pods; the rest is the database's and this machine's. */
const INVALIDATION_MS = 800;
const DATABASE_MS = 1_000;
/** What a purge may wait for its walk over the keys. */
const WALK_MS = 5_000;

/** Nothing was done when one of these came back, or no connection. */
const REFUSALS = new Set(['BAD_USER_INPUT', 'DEVICE_EXISTS', 'FORBIDDEN', 'UNAUTHENTICATED', 'ECONNREFUSED']);

export async function change(
  world: World,
  target: Target,
  owner: Owner,
  chain: Chain,
  plan: PlannedChange,
): Promise<Outcome & { readonly op: number }> {
  const sent = { action: 'change', pod: target.name, writes: plan.writes } as const;
  return world.recorder.perform(sent, INVALIDATION_MS + DATABASE_MS, async () => {
    const { query, variables } = requestFor(chain, plan);
    const reply = await world.api.graphql(target.url, query, variables, owner.headers);
    const { data, problem } = reply;
    const payload = data?.registerDevice ?? data?.updateDevice ?? data?.removeDevice;
    if (problem !== undefined || payload === undefined || payload === null) {
      return { problem: problem ?? 'NO_DATA', made: REFUSALS.has(problem ?? '') ? 'no' : 'maybe' };
    }
    const register = plan.state.keys.at(-1)?.apiKeyRegister;
    if (typeof payload.apiKey === 'string' && register !== undefined) chain.apiKeys.set(register, payload.apiKey as string);
    return { made: 'yes', invalidation: invalidationOf(payload.invalidation) };
  });
}

function requestFor(chain: Chain, plan: PlannedChange): { query: string; variables: object } {
  const { kind, deviceId, description, visibility } = plan;
  const id = chain.commonName(deviceId);
  switch (kind) {
    case 'register':
      return { query: REGISTER, variables: { input: { deviceId, name: chain.name, description, visibility } } };
    case 'update':
      return { query: UPDATE, variables: { id, input: { description, visibility } } };
    case 'remove':
      return { query: REMOVE, variables: { id } };
    case 'direct write':
      throw new Error('A direct write asks no pod.');
  }
}

/** Writes to MongoDB as another program does. */
export function writeDirectly(world: World, owner: Owner, chain: Chain, plan: PlannedChange): Promise<Outcome> {
  return world.recorder.perform({ action: 'direct write', writes: plan.writes }, 10_000, async () => {
    await world.database.describe(owner.subject, chain, plan.deviceId, plan.description);
    return { made: 'yes' };
  });
}

export function invalidateDevices(world: World, target: Target, ids: readonly string[]): Promise<Outcome> {
  const deadlineMs = INVALIDATION_MS + DATABASE_MS;
  return purge(world, target, { action: 'invalidateDevices', covers: world.coverOfDevices(ids), deadlineMs }, () =>
    world.api.graphql(target.url, INVALIDATE_DEVICES, { ids }, world.admin),
  );
}

export function invalidateCache(world: World, target: Target, pattern: string): Promise<Outcome> {
  const deadlineMs = INVALIDATION_MS + DATABASE_MS + WALK_MS;
  return purge(world, target, { action: 'invalidateCache', covers: world.coverOfPattern(pattern), deadlineMs }, () =>
    world.api.graphql(target.url, INVALIDATE_CACHE, { pattern }, world.admin),
  );
}

export function clearCache(world: World, target: Target): Promise<Outcome> {
  const deadlineMs = INVALIDATION_MS + DATABASE_MS + WALK_MS;
  return purge(world, target, { action: 'clearCache', covers: world.coverOfAll(), deadlineMs }, () =>
    world.api.graphql(target.url, CLEAR, {}, world.admin),
  );
}

function purge(
  world: World,
  target: Target,
  what: { readonly action: Action; readonly covers: readonly string[]; readonly deadlineMs: number },
  ask: () => Promise<Reply>,
): Promise<Outcome> {
  const { action, covers, deadlineMs } = what;
  return world.recorder.perform({ action, covers, pod: target.name }, deadlineMs, async () => {
    const { data, problem } = await ask();
    const done = data?.purge;
    if (problem !== undefined || done === undefined || done === null) return { problem: problem ?? 'NO_DATA' };
    return { invalidation: invalidationOf(done) };
  });
}

function invalidationOf({ id, status, pods }: { id: string; status: 'APPLIED' | 'PENDING'; pods: PodAcks | null }) {
  return { id, status, pods };
}
