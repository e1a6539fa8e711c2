/** Which faults each topology is put through. */
import { CLUSTER_FAULTS } from './cluster-faults.js';
import type { Fault } from './faults.js';
import { MONGODB_FAULTS } from './mongodb-faults.js';
import { POD_FAULTS, PROCESS_FAULTS } from './pod-faults.js';
import { REDIS_FAULTS } from './redis-faults.js';
import { SENTINEL_FAULTS } from './sentinel-faults.js';
import type { TopologyName } from '../fleet/topology.js';

export function faultsFor(topology: TopologyName): readonly Fault[] {
  switch (topology) {
    case 'single':
      return [...REDIS_FAULTS, ...POD_FAULTS, ...MONGODB_FAULTS];
    // Pods reach these by the addresses that Redis tells them, so no proxy stands between.
    case 'sentinel':
      return [...SENTINEL_FAULTS, ...PROCESS_FAULTS, ...MONGODB_FAULTS];
    case 'cluster':
      return [...CLUSTER_FAULTS, ...PROCESS_FAULTS, ...MONGODB_FAULTS];
  }
}
