/**
 * The forms in which Redis stands under a fleet: one server, two with three Sentinels, or a Cluster of three masters. Called by the fleet.
 */
import { type RedisServer, startRedis } from '../../harness/redis.js';
import { type ClusterTopology, startCluster } from './cluster-topology.js';
import { type SentinelTopology, startSentinels } from './sentinel-topology.js';

export const TOPOLOGIES = ['single', 'sentinel', 'cluster'] as const;
export type TopologyName = (typeof TOPOLOGIES)[number];

export interface Topology {
  readonly name: TopologyName;
  /** `REDIS_URL`, for pods without a proxy. */
  readonly url: string;
  readonly single?: RedisServer;
  readonly sentinel?: SentinelTopology;
  readonly cluster?: ClusterTopology;
}

export async function startTopology(name: TopologyName): Promise<Topology> {
  switch (name) {
    case 'single': {
      const single = await startRedis();
      return { name, url: single.url, single };
    }
    case 'sentinel': {
      const sentinel = await startSentinels();
      return { name, url: sentinel.url, sentinel };
    }
    case 'cluster': {
      const cluster = await startCluster();
      return { name, url: cluster.url, cluster };
    }
  }
}
