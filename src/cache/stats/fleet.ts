/** The figures of all pods: of a fleet in `redis-fleet.ts`, of a process on its own here. */
import type { PodSnapshot } from './snapshot.js';

export interface FleetSnapshot {
  readonly pods: readonly PodSnapshot[];
  /** False when a pod did not answer in time. */
  readonly complete: boolean;
}

export interface Fleet {
  /** The figures of all pods, this one's `own` among them. */
  ask(own: () => PodSnapshot): Promise<FleetSnapshot>;
}

export class FleetOfOne implements Fleet {
  ask(own: () => PodSnapshot): Promise<FleetSnapshot> {
    return Promise.resolve({ pods: [own()], complete: true });
  }
}
