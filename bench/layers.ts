/**
 * What a key costs in processor time of the process that asks, where it is found: in memory, in Redis, nowhere. This cache and
 * BentoCache, both in the process of the benchmark, over the same Redis, in turn; one key at a time and a hundred at once.
 */
import { setImmediate } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { waitFor } from '../test/harness/wait.js';
import { loaded, NAMESPACE, openOwnCache } from './own-cache.js';
import type { Parts } from './parts.js';
import { openBento } from './peers/bento.js';
import { type Findings, number, type Row } from './report.js';
import { median, spread } from './statistics.js';

const SIZES = [1, 100] as const;
/** Different keys that the hits are of. */
const KEYS = 1_000;
/** Keys that one cache is asked for in a round. */
const A_ROUND = { hits: 10_000, misses: { 1: 500, 100: 5_000 } } as const;
const MEMORY = { items: 100_000, bytes: 100_000_000 };
/** Batches between two looks at the sockets: hits in memory alone would never let go of the event loop. */
const YIELD_EVERY = 50;
const OWN_PREFIX = 'layers:';
const BENTO_PREFIX = 'layers-bento';

/** Asks one cache for a batch; resolves when it has answered. */
type Ask = (ids: readonly string[], load: typeof loaded) => Promise<unknown>;

/** @param rounds not counting the first, which is thrown away. */
export async function measureLayers({ cores, redisPort }: Parts, rounds: number): Promise<Findings> {
  const redis = new Redis(redisPort);
  const inMemory = await openOwnCache(redisPort, { prefix: OWN_PREFIX, l1MaxBytes: MEMORY.bytes });
  const inRedis = await openOwnCache(redisPort, { prefix: OWN_PREFIX, l1MaxBytes: 1 });
  const bentoInMemory = openBento(redisPort, { prefix: BENTO_PREFIX, maxItems: MEMORY.items });
  const bentoInRedis = openBento(redisPort, { prefix: BENTO_PREFIX, maxItems: 1 });

  const own = ({ cache, budget }: typeof inMemory): Ask => {
    return (ids, load) =>
      cache.getMany(NAMESPACE, ids, budget(), (missing) => Promise.resolve(new Map(missing.map((id) => [id, load(id)]))));
  };
  const bento = ({ getMany }: typeof bentoInMemory): Ask => {
    return (ids, load) => getMany(ids, (id) => load(id).value);
  };
  const hits = Array.from({ length: KEYS }, (_, i) => idOf(i));
  let next = KEYS;
  let reloads = 0;
  const reloaded = (id: string) => {
    reloads++;
    return loaded(id);
  };
  const layers = [
    { name: 'L1 hit', asks: [own(inMemory), bento(bentoInMemory)], isMiss: false },
    { name: 'L2 hit', asks: [own(inRedis), bento(bentoInRedis)], isMiss: false },
    { name: 'miss', asks: [own(inMemory), bento(bentoInMemory)], isMiss: true },
  ];

  const rows: Row[] = [];
  cores.move('measured');
  try {
    for (const { asks } of layers) for (const ask of asks) await ask(hits, loaded);
    const isWritten = async () => (await redis.exists(hits.map((id) => `${OWN_PREFIX}${NAMESPACE.name}:${id}`))) === KEYS;
    await waitFor(isWritten, { describe: 'the entries to be written' });
    for (const { name, asks, isMiss } of layers) {
      for (const size of SIZES) {
        const batches = (isMiss ? A_ROUND.misses[size] : A_ROUND.hits) / size;
        const measured: number[][] = [];
        for (let round = 0; round <= rounds; round++) {
          const costs: number[] = [];
          for (const variant of round % 2 === 0 ? [0, 1] : [1, 0]) {
            const asked = Array.from({ length: batches }, (_, batch) => {
              const from = isMiss ? (next += size) - size : (batch * size) % KEYS;
              return Array.from({ length: size }, (_, i) => idOf(from + i));
            });
            const last = isMiss && variant === 0 ? `${OWN_PREFIX}${NAMESPACE.name}:${asked.at(-1)!.at(-1)!}` : undefined;
            costs[variant] = await microsecondsPerKey(redis, {
              ask: asks[variant]!,
              load: isMiss ? loaded : reloaded,
              batches: asked,
              lastKey: last,
            });
          }
          measured.push(costs);
        }
        const counted = measured.slice(1);
        const figure = (variant: number) => number(median(counted.map((costs) => costs[variant]!)));
        rows.push({
          what: `${name}, ${size === 1 ? '1 key' : `${size} keys at once`}, CPU µs/key`,
          figure: figure(0),
          against: { name: 'BentoCache', figure: figure(1) },
          ratio: spread(counted.map(([ours, theirs]) => ours! / theirs!)),
        });
      }
    }
    const notes = reloads === 0 ? [] : [`Not always hits: ${number(reloads)} keys were loaded again, by either cache.`];
    return { rows, aims: [], notes };
  } finally {
    cores.move('beside');
    redis.disconnect();
    for (const cache of [inMemory, inRedis, bentoInMemory, bentoInRedis]) await cache.close();
  }
}

function idOf(i: number): string {
  return `sensor-${i}|Bed ${i}`;
}

interface Work {
  readonly ask: Ask;
  readonly load: typeof loaded;
  readonly batches: readonly (readonly string[])[];
  /** What is written after the answer belongs to the cost as well: then the last key to be waited for. */
  readonly lastKey: string | undefined;
}

async function microsecondsPerKey(redis: Redis, { ask, load, batches, lastKey }: Work): Promise<number> {
  const before = process.cpuUsage();
  for (const [i, batch] of batches.entries()) {
    await ask(batch, load);
    if (i % YIELD_EVERY === 0) await setImmediate();
  }
  if (lastKey !== undefined) await waitFor(async () => (await redis.exists(lastKey)) === 1, { describe: 'the last fill' });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / batches.flat().length;
}
