/** The reads of the workload: one device, many, listings, API keys; each with what its answer shows of which register. */
import type { Headers, Reply } from './api.js';
import { type Chain, listedRegister, registerOf, valueOf, type Visibility } from './devices.js';
import type { Holding } from '../checker/history.js';
import { DEVICE, DEVICES, LISTING, OWN, WHO } from './queries.js';
import type { Outcome } from '../recorder.js';
import type { Owner, Target, World } from './world.js';

interface ReadDevice {
  readonly id: string;
  readonly description: string;
  readonly visibility: Visibility;
  readonly deviceIds: readonly string[];
}

/** By the rules: 50 ms for Redis, 250 ms for somebody else's load; the rest is the database's and this machine's. */
const READ_DEADLINE_MS = 800;

export function readDevices(world: World, target: Target, ids: readonly string[]): Promise<Outcome> {
  const [first] = ids as [string];
  return perform(world, target, world.admin, ids.length === 1 ? DEVICE : DEVICES, { id: first, ids }, (data) => {
    const devices = (ids.length === 1 ? [data.device] : data.devices) as (ReadDevice | null)[];
    return ids.map((id, place) => [registerOf(id), valueOf(devices[place] ?? null)]);
  });
}

/** All devices of an owner, as the listing has them for everybody or for the owner. */
export function readListing(world: World, target: Target, owner: Owner, kind: 'own' | 'search'): Promise<Outcome> {
  const [query, headers] = kind === 'own' ? [OWN, owner.headers] : [LISTING, world.admin];
  return perform(world, target, headers, query, { search: owner.search }, (data) => {
    const { edges } = (kind === 'own' ? data.viewer.devices : data.deviceListing) as { edges: { node: ReadDevice }[] };
    const shown = new Map(edges.map(({ node }) => [node.id, node]));
    return owner.chains.flatMap((chain) =>
      chain.deviceIds.map((deviceId) => {
        const commonName = chain.commonName(deviceId);
        return [listedRegister(commonName), valueOf(shown.get(commonName) ?? null)] as const;
      }),
    );
  });
}

/** Asks who it is with the API key of that register. */
export function readApiKey(world: World, target: Target, chain: Chain, register: string): Promise<Outcome> {
  const headers = { 'x-api-key': chain.apiKeys.get(register) as string };
  return world.recorder.perform({ action: 'read', pod: target.name }, READ_DEADLINE_MS, async () => {
    const reply = await world.api.graphql(target.url, WHO, {}, headers);
    if (reply.status === 401) return { seen: [[register, null]] };
    if (reply.problem !== undefined) return { problem: reply.problem };
    return { seen: [[register, 'valid']] };
  });
}

function perform(
  world: World,
  target: Target,
  headers: Headers,
  query: string,
  variables: object,
  show: (data: NonNullable<Reply['data']>) => readonly Holding[],
): Promise<Outcome> {
  return world.recorder.perform({ action: 'read', pod: target.name }, READ_DEADLINE_MS, async () => {
    const { data, problem, stale } = await world.api.graphql(target.url, query, variables, headers);
    if (problem !== undefined || data === undefined) return { problem: problem ?? 'NO_DATA' };
    return { seen: show(data), ...(stale && { stale }) };
  });
}
