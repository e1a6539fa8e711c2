/** The backend of a process on its own: everything in its memory, every invalidation applied at once. */
import type { Backend, BackendOptions } from './backend.js';
import { MemoryHistory } from './history/memory-history.js';
import { EmbeddedJournal } from './protocol/journal.js';
import { EmbeddedKeySpace } from './purge/embedded-key-space.js';
import { MemoryResults } from './results/memory-results.js';
import { FleetOfOne } from './stats/fleet.js';
import { EmbeddedKeyCounter } from './stats/key-count.js';
import { EmbeddedBodies } from './tiers/embedded-bodies.js';
import { EmbeddedStore } from './tiers/embedded-store.js';
import { createValues } from './tiers/values.js';

export function createEmbeddedBackend({ l1MaxBytes, names, onError }: BackendOptions): Backend {
  const journal = new EmbeddedJournal();
  const store = new EmbeddedStore(l1MaxBytes);
  const keySpace = new EmbeddedKeySpace(store, names, () => journal.nowMs());
  return {
    tier: 'l1',
    journal,
    values: createValues(store, '', onError),
    keySpace,
    keyCounter: new EmbeddedKeyCounter(keySpace),
    results: new MemoryResults(),
    history: new MemoryHistory(),
    l1: undefined,
    bodies: new EmbeddedBodies(store, journal),
    bodyStore: undefined,
    locks: undefined,
    fleet: new FleetOfOne(),
    memory: () => ({ entries: store.size, bytes: store.bytes }),
    redisInfo: () => Promise.resolve(null),
    distrust: () => undefined,
    start: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
