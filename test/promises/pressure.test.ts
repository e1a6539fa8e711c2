/** A Redis without memory to spare: it evicts whatever it likes, the bookkeeping included, or takes nothing more (P1, P3). */
import { expect, it } from 'vitest';
import type { Cache } from '../../src/cache/cache.js';
import { openPod } from '../cache/pods.js';
import { Source } from '../cache/source.js';
import { startRedis } from '../harness/redis.js';
import { connectRedis } from './real-pods.js';

const IDS = 20_000;
const ROUNDS = 150;
const READS_A_ROUND = 4;
const BATCH = 50;

/** Reads batches by chance on all pods, and changes devices meanwhile; tells every read that was too old. */
class Workload {
  readonly #source = new Source();
  readonly #caches: readonly Cache[];
  /** Of each id, the version that every later read has to see. */
  readonly #applied = new Map<string, number>();
  readonly stale: string[] = [];
  reads = 0;

  constructor(caches: readonly Cache[]) {
    this.#caches = caches;
  }

  async run(): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      await Promise.all([...Array.from({ length: READS_A_ROUND }, (_, i) => this.#read(this.#some(), i)), this.#change(round)]);
    }
  }

  #some(): string[] {
    return [...new Set(Array.from({ length: BATCH }, () => `sensor-${Math.floor(IDS * Math.random() ** 3)}`))];
  }

  async #read(ids: readonly string[], i: number): Promise<void> {
    const expected = ids.map((id) => this.#applied.get(id) ?? 1);
    const values = await this.#source.read(this.#caches[i % this.#caches.length]!, ids);
    this.reads += ids.length;
    for (const [k, value] of values.entries()) {
      if (value!.version < expected[k]!) this.stale.push(`${ids[k]!}: ${value!.version} < ${expected[k]!}`);
    }
  }

  async #change(round: number): Promise<void> {
    const id = this.#some()[0]!;
    const { invalidation } = await this.#caches[round % this.#caches.length]!.change([`device:${id}`], () => {
      this.#source.change(id);
      return Promise.resolve();
    });
    expect(invalidation.status).toBe('APPLIED');
    this.#applied.set(id, this.#source.current(id)!.version);
    await this.#read([id], round + 1);
  }
}

it.each([['allkeys-lfu'], ['noeviction']])('fails no request and serves nothing stale under %s', async (policy) => {
  const redis = await startRedis({ args: ['--maxmemory', '3mb', '--maxmemory-policy', policy] });
  const client = connectRedis(redis);
  const pods = [
    await openPod('without memory', redis.url, { l1MaxBytes: 1 }),
    await openPod('with memory', redis.url),
    await openPod('with a little', redis.url, { l1MaxBytes: 100_000 }),
  ];
  const workload = new Workload(pods.map(({ cache }) => cache));
  await workload.run();
  expect(workload.stale).toEqual([]);
  expect(workload.reads).toBeGreaterThan(ROUNDS * READS_A_ROUND * BATCH * 0.8);

  const info = await client.info();
  const { namespaces } = (await pods[0]!.cache.snapshot()).pods[0]!;
  if (policy === 'allkeys-lfu') expect(Number(/evicted_keys:(\d+)/.exec(info)![1])).toBeGreaterThan(100);
  else expect(namespaces.get('device_meta')!.errors).toBeGreaterThan(10); // fills that it did not take
});
