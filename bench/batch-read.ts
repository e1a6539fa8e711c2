/**
 * The cache's batch read, in this process: what a key costs in multiples of an MGET by the bare client over the same connection,
 * whose replies nobody parses. Between the two lie decoding, Keyv, and every check that an entry may be served.
 */
import type * as cacheModule from '../src/cache/cache.js';
import type * as connectionsModule from '../src/connections.js';
import type { DeviceRecord } from '../src/devices/device.store.js';
import { tagsOfDevice } from '../src/devices/device.tags.js';
import { waitFor } from '../test/harness/wait.js';
import { FLEET_SIZE, ids } from './fleet.js';
import { type Parts, urlOfRedis } from './parts.js';
import { type Aim, type Findings, number, type Row } from './report.js';
import { median, spread } from './statistics.js';

const SIZES = [100, 1_000] as const;
/** Keys that one variant reads in a round, in as many batches as that takes. */
const KEYS_A_ROUND = 50_000;
const PREFIX = 'bench:';
const NAMESPACE = { name: 'device_meta', valueVersion: 1, ttlSeconds: 3_000, negativeTtlSeconds: 30, graceSeconds: 0 };
/** In multiples of the bare MGET. */
const AIM = 4;

const VARIANTS = ['bare MGET, unparsed', 'bare MGET, JSON.parse', 'the cache'] as const;

/** @param rounds not counting the first, which is thrown away. */
export async function measureBatchRead({ cores, redisPort }: Parts, rounds: number): Promise<Findings> {
  const { openRedis } = await built<typeof connectionsModule>('connections.js');
  const { Budget, createCache, MemoryOutbox } = await built<typeof cacheModule>('cache/cache.js');
  const onError = (error: unknown): void => {
    console.error(error);
  };
  const redis = await openRedis({ kind: 'single', urls: [urlOfRedis(redisPort)] }, (_connection, error) => {
    onError(error);
  });
  const cache = await createCache({
    redis,
    prefix: PREFIX,
    namespaces: [NAMESPACE.name],
    l1MaxBytes: 1, // nothing fits: what is measured here is Redis
    outbox: new MemoryOutbox(),
    onInvalidation: () => undefined,
    podName: 'bench',
    version: '0',
    onLease: () => undefined,
    onError,
  });
  const { client } = redis.values;
  const budget = () => new Budget(10_000);
  const rows: Row[] = [];
  const aims: Aim[] = [];
  cores.move('measured');
  try {
    await cache.start();
    for (const size of SIZES) {
      const batch = ids(FLEET_SIZE - size, size);
      const keys = batch.map((id) => `${PREFIX}${NAMESPACE.name}:${id}`);
      await cache.getMany(NAMESPACE, batch, budget(), (missing) => Promise.resolve(new Map(missing.map(loaded))));
      const isWritten = async () => (await client.mGet(keys)).every((text) => text !== null);
      await waitFor(isWritten, { describe: 'the entries to be written' });

      const reads = [
        () => client.mGet(keys),
        async () => (await client.mGet(keys)).map((text) => JSON.parse(text as string) as unknown),
        () => cache.getMany(NAMESPACE, batch, budget(), () => Promise.reject(new Error('An entry was not cached.'))),
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
    return { rows, aims, notes: [] };
  } finally {
    cores.move('beside');
    await cache.close();
    redis.close();
  }
}

/** A module of the built server. */
async function built<Module>(path: string): Promise<Module> {
  return (await import(new URL(`../dist/${path}`, import.meta.url).href)) as Module;
}

/** What the database would have said. */
function loaded(id: string): [string, { value: DeviceRecord; tags: string[] }] {
  const [deviceId = '', name = ''] = id.split('|');
  const device = {
    owner: '1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b',
    deviceId,
    name,
    description: `Soil moisture and temperature of ${name}.`,
    isPrivate: false,
    deviceIds: [deviceId],
  };
  return [id, { value: device, tags: tagsOfDevice(id, device) }];
}

async function microsecondsPerKey(read: () => Promise<unknown>, size: number): Promise<number> {
  const batches = KEYS_A_ROUND / size;
  const startedAt = performance.now();
  for (let i = 0; i < batches; i++) await read();
  return (1_000 * (performance.now() - startedAt)) / KEYS_A_ROUND;
}
