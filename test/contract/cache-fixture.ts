/** What the cases of the cache's contract share. Called by the other `cache-*.ts` files. */
import type { Cache, Invalidation, Namespace } from '../../src/cache/cache.js';
import type { PodAcks } from '../../src/cache/protocol/journal.js';
import { DEVICES, type Source } from '../cache/source.js';
import { waitFor } from '../harness/wait.js';

/** The stored texts themselves, past the cache; keys are logical ones. */
export interface StoredTexts {
  /** Bookkeeping and foreign keys are not among them. */
  keys(): Promise<string[]>;
  text(key: string): Promise<string | undefined>;
  ttlMs(key: string): Promise<number>;
  put(key: string, text: string, ttlMs?: number): Promise<unknown>;
}

export interface CacheFixture {
  readonly cache: Cache;
  /** The same cache as another pod has it; where there is only one, that one. */
  readonly another: Cache;
  readonly stored: StoredTexts;
  /** What an invalidation says of the pods. */
  readonly pods: PodAcks;
  /** Puts tens of thousands of foreign keys around ours, where such a thing can be. Answers what takes them away again. */
  readonly crowd: () => Promise<() => Promise<void>>;
  /** Run after every case: what must hold whatever it was about. */
  readonly check: () => Promise<void>;
}

/** What each case finds: the caches, a source of its own, and an id that no other case has. */
export type Fixture = CacheFixture & { readonly source: Source; readonly id: string };

/** The logical key of a device's id. */
export const keyOf = (id: string) => `device_meta:${id}`;
/** A second namespace, which must not be touched by what happens to the first. */
export const API_KEYS: Namespace = { name: 'api_key', valueVersion: 1, ttlSeconds: 300, negativeTtlSeconds: 30, graceSeconds: 0 };

/** Fills are not awaited by reads. */
export async function storedText(stored: StoredTexts, key: string): Promise<string> {
  return waitFor(() => stored.text(key), { describe: `${key} to be stored` });
}

/** Reads ids and waits until what was loaded is stored. */
export async function warm({ cache, stored, source }: Fixture, ids: readonly string[], namespace = DEVICES): Promise<void> {
  await source.read(cache, ids, { namespace });
  for (const id of ids) await storedText(stored, `${namespace.name}:${id}`);
}

/** Leaves nothing in the cache. */
export async function clear(cache: Cache): Promise<void> {
  await cache.invalidatePattern('*');
}

/** Every way in which what depends on an id can be invalidated. */
export const WAYS: readonly [string, (cache: Cache, id: string) => Promise<Invalidation>][] = [
  ['its tag', (cache, id) => cache.invalidate([`device:${id}`])],
  ['its key', (cache, id) => cache.invalidate([keyOf(id)])],
  ['a glob among other deps', (cache, id) => cache.invalidate(['device:x', { glob: `device_meta:${id}` }])],
  ['a pattern', (cache, id) => cache.invalidatePattern(`device_meta:[${id[0]!}]${id.slice(1)}*`)],
  ['a pattern that begins with *', (cache, id) => cache.invalidatePattern(`*${id}`)],
  ['a change', async (cache, id) => (await cache.change([`device:${id}`], () => Promise.resolve())).invalidation],
  ['*', (cache) => cache.invalidatePattern('*')],
];
