/** BentoCache as its documentation sets it up: memory in front of Redis, and a bus that tells other processes. For `layers.ts`. */
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';

export interface Bento {
  /** Answers in the order of the ids; `load` is asked for each one that is in neither tier. */
  getMany(ids: readonly string[], load: (id: string) => unknown): Promise<unknown[]>;
  close(): Promise<void>;
}

/** @param maxItems of its memory. */
export function openBento(redisPort: number, { prefix, maxItems }: { prefix: string; maxItems: number }): Bento {
  const connection = { host: '127.0.0.1', port: redisPort };
  const store = bentostore()
    .useL1Layer(memoryDriver({ maxItems }))
    .useL2Layer(redisDriver({ connection }))
    .useBus(redisBusDriver({ connection }));
  const bento = new BentoCache({ default: 'devices', prefix, ttl: '50m', stores: { devices: store } });
  return {
    getMany: (ids, load) => Promise.all(ids.map((key) => bento.getOrSet({ key, factory: () => load(key) }))),
    close: () => bento.disconnectAll(),
  };
}
