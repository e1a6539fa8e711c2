/**
 * The forms in which Redis stands under a fleet: one server, two with three Sentinels, or a Cluster of three masters. Started here;
 * broken by the faults. Called by the fleet.
 */
import { type RedisServer, startRedis } from '../harness/redis.js';

export const TOPOLOGIES = ['single', 'sentinel', 'cluster'] as const;
export type TopologyName = (typeof TOPOLOGIES)[number];

export interface Topology {
  readonly name: TopologyName;
  /** `REDIS_URL`, for pods without a proxy. */
  readonly url: string;
  /** The only server, when there is only one. */
  readonly single?: RedisServer;
}

export async function startTopology(name: TopologyName): Promise<Topology> {
  switch (name) {
    case 'single': {
      const single = await startRedis();
      return { name, url: single.url, single };
    }
    case 'sentinel':
    case 'cluster':
      throw new Error(`There is no topology ${name} yet.`);
  }
}
