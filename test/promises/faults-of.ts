/** Which faults each topology is put through. */
import type { Fault } from './faults.js';
import { MONGODB_FAULTS } from './mongodb-faults.js';
import { POD_FAULTS } from './pod-faults.js';
import { REDIS_FAULTS } from './redis-faults.js';
import type { TopologyName } from './topology.js';

export function faultsFor(topology: TopologyName): readonly Fault[] {
  switch (topology) {
    case 'single':
      return [...REDIS_FAULTS, ...POD_FAULTS, ...MONGODB_FAULTS];
    case 'sentinel':
    case 'cluster':
      return [];
  }
}
