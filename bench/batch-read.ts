/**
 * The cache's batch read, in this process: what a key costs in multiples of an MGET by the bare client over the same connection,
 * whose replies nobody parses. Between the two lie decoding, Keyv, and every check that an entry may be served.
 */
import { waitFor } from '../test/harness/wait.js';
import { FLEET_SIZE, ids } from './fleet.js';
import { loaded, NAMESPACE, openOwnCache } from './own-cache.js';
import type { Parts } from './parts.js';
import { type Aim, type Findings, number, type Row } from './report.js';
import { median, spread } from './statistics.js';

const SIZES = [100, 1_000] as const;
/** Keys that one variant reads in a round, in as many batches as that takes. */
const KEYS_A_ROUND = 50_000;
const PREFIX = 'bench:';
/** In multiples of the bare MGET. */
const AIM = 4;

const VARIANTS = ['bare MGET, unparsed', 'bare MGET, JSON.parse', 'the cache'] as const;

/** @param rounds not counting the first, which is thrown away. */
export async function measureBatchRead({ cores, redisPort }: Parts, rounds: number): Promise<Findings> {
  // Nothing fits into its memory: what is measured here is Redis.
  const { cache, client, budget, close } = await openOwnCache(redisPort, { prefix: PREFIX, l1MaxBytes: 1 });
  let reloads = 0;
  const load = (missing: readonly string[]) => Promise.resolve(new Map(missing.map((id) => [id, loaded(id)])));
  const reload = (missing: readonly string[]) => {
    reloads += missing.length;
    return load(missing);
  };
  const rows: Row[] = [];
  const aims: Aim[] = [];
  cores.move('measured');
  try {
    for (const size of SIZES) {
      const batch = ids(FLEET_SIZE - size, size);
      const keys = batch.map((id) => `${PREFIX}${NAMESPACE.name}:${id}`);
      await cache.getMany(NAMESPACE, batch, budget(), load);
      const isWritten = async () => (await client.mGet(keys)).every((text) => text !== null);
      await waitFor(isWritten, { describe: 'the entries to be written' });

      const reads = [
        () => client.mGet(keys),
        async () => (await client.mGet(keys)).map((text) => JSON.parse(text as string) as unknown),
        () => cache.getMany(NAMESPACE, batch, budget(), reload),
      ];
      const measured: number[][] = [];
      for (let round = 0; round <= rounds; round++) {
        const round: number[] = [];
        for (const read of reads) round.push(await microsecondsPerKey(read, size));
        measured.push(round);
      }
      const counted = measured.slice(1);
      const figure = (variant: number) => number(median(counted.map((round) => round[variant]!)));
      const ratio = (variant: number) => spread(counted.map((round) => round[2]! / round[variant]!));
      for (const variant of [0, 1]) {
        rows.push({
          what: `batch read of ${number(size)}, µs/key`,
          figure: figure(2),
          against: { name: VARIANTS[variant]!, figure: figure(variant) },
          ratio: ratio(variant),
        });
      }
      const { median: times } = ratio(0);
      aims.push({
        what: `a key of a batch of ${number(size)} costs at most ${AIM} unparsed MGETs`,
        figure: times.toFixed(2),
        isMet: times <= AIM,
      });
    }
    const notes = reloads === 0 ? [] : [`Batch read: not always from the cache; ${number(reloads)} entries were loaded again.`];
    return { rows, aims, notes };
  } finally {
    cores.move('beside');
    await close();
  }
}

async function microsecondsPerKey(read: () => Promise<unknown>, size: number): Promise<number> {
  const batches = KEYS_A_ROUND / size;
  const startedAt = performance.now();
  for (let i = 0; i < batches; i++) await read();
  return (1_000 * (performance.now() - startedAt)) / KEYS_A_ROUND;
}
