/**
 * The key space in Redis. SCAN and UNLINK in steps that don't hold Redis up, never KEYS or FLUSHDB. A pattern is put behind the
 * prefix, which holds no wildcard, and what comes back is ours only if it is a key of one of our namespaces.
 */
import { Cluster, type Redis } from 'ioredis';
import { z } from 'zod';
import { freshForMs } from '../entry.js';
import { Glob } from '../protocol/glob.js';
import type { EntryInfo, EntryPage, KeySpace, NamespaceNames } from './key-space.js';
import { type Stored, toStored } from './stored.js';

/** Keys that Redis looks at per SCAN: some 0.2 ms of its time. */
const SCAN_COUNT = 500;
const MIN_SCAN_COUNT = 10;
/** SCAN steps per page of `list`. */
const STEPS_PER_PAGE = 10;
/** Enough of a stored value to hold `t` and `f` of `Entry`. */
const ENTRY_HEAD_BYTES = 255;

/** SCAN's cursors are unsigned 64-bit integers. */
const cursorSchema = z
  .string()
  .regex(/^\d{1,20}$/)
  .refine((cursor) => BigInt(cursor) < 2n ** 64n);
/** Where a walk stands: the node it is at, SCAN's cursor there, and keys already scanned that did not fit the page. */
const positionSchema = z.tuple([z.int().nonnegative(), cursorSchema, z.array(z.string())]);
type Position = z.infer<typeof positionSchema>;

export class RedisKeySpace implements KeySpace {
  readonly #client: Redis | Cluster;
  readonly #prefix: string;
  readonly #names: NamespaceNames;
  readonly #nowMs: () => number;

  /** @param nowMs Redis's clock, as the journal knows it. */
  constructor(client: Redis | Cluster, prefix: string, names: NamespaceNames, nowMs: () => number) {
    this.#client = client;
    this.#prefix = prefix;
    this.#names = names;
    this.#nowMs = nowMs;
  }

  async count(pattern: string): Promise<number> {
    const seen = new Set<string>(); // SCAN may repeat a key while its table is resized
    for await (const { keys } of this.#walk(pattern)) for (const key of keys) seen.add(key);
    return seen.size;
  }

  async *free(pattern: string): AsyncGenerator<number> {
    for await (const { node, keys } of this.#walk(pattern)) yield await this.#unlink(node, keys);
  }

  async freeKeys(keys: readonly string[]): Promise<void> {
    await this.#unlink(this.#client, keys);
  }

  async list(pattern: string, first: number, from: string | undefined): Promise<EntryPage | undefined> {
    const position = from === undefined ? ([0, '0', []] satisfies Position) : parsePosition(from);
    if (position === undefined) return undefined;
    const nodes = this.#nodes();
    let [nodeIndex, cursor] = position;
    const glob = new Glob(pattern);
    let keys = position[2].filter((key) => this.#names.of(key) !== undefined && glob.matches(key)); // a client may have made it up
    let count = first;
    for (let step = 0; step < STEPS_PER_PAGE && keys.length < first && nodeIndex < nodes.length; step++) {
      count = Math.min(Math.max(count, MIN_SCAN_COUNT), SCAN_COUNT);
      const scanned = await this.#scan(nodes[nodeIndex] as Redis, cursor, pattern, count);
      // What does not fit the page has to travel in the cursor, so look at no more keys than it takes to fill it.
      count = scanned.keys.length === 0 ? count * 4 : (count * (first - keys.length)) / scanned.keys.length;
      keys = [...new Set([...keys, ...scanned.keys])];
      cursor = scanned.cursor;
      if (cursor === '0') nodeIndex++;
    }
    const page = keys.slice(0, first);
    const rest = keys.slice(first);
    const ended = nodeIndex >= nodes.length && rest.length === 0;
    return {
      entries: await this.#describe(page),
      next: ended ? undefined : JSON.stringify([nodeIndex, cursor, rest] satisfies Position),
    };
  }

  async peek(key: string): Promise<Stored | undefined> {
    const packed = await this.#client.getBuffer(this.#prefix + key);
    return packed === null ? undefined : toStored(packed);
  }

  async *#walk(pattern: string): AsyncGenerator<{ node: Redis; keys: string[] }> {
    for (const node of this.#nodes()) {
      let cursor = '0';
      do {
        const step = await this.#scan(node, cursor, pattern, SCAN_COUNT);
        cursor = step.cursor;
        if (step.keys.length > 0) yield { node, keys: step.keys };
      } while (cursor !== '0');
    }
  }

  async #scan(node: Redis, from: string, pattern: string, count: number): Promise<{ cursor: string; keys: string[] }> {
    const [cursor, found] = await node.scan(from, 'MATCH', this.#prefix + pattern, 'COUNT', Math.ceil(count));
    const keys = found.map((key) => key.slice(this.#prefix.length)).filter((key) => this.#names.of(key) !== undefined);
    return { cursor, keys };
  }

  /** One UNLINK a key, pipelined: on a Cluster the keys of a node lie in many slots. */
  async #unlink(node: Redis | Cluster, keys: readonly string[]): Promise<number> {
    const replies = await Promise.all(keys.map((key) => node.unlink(this.#prefix + key)));
    return replies.reduce((sum, count) => sum + count, 0);
  }

  async #describe(keys: readonly string[]): Promise<EntryInfo[]> {
    const described = await Promise.all(
      keys.map(async (key): Promise<EntryInfo | undefined> => {
        const redisKey = this.#prefix + key;
        const [ttlMs, bytes, head] = await Promise.all([
          this.#client.pttl(redisKey),
          this.#client.strlen(redisKey),
          this.#client.getrange(redisKey, 0, ENTRY_HEAD_BYTES),
        ]);
        return ttlMs === -2 ? undefined : { key, ttlSeconds: this.#freshSeconds(ttlMs, head), bytes };
      }),
    );
    return described.filter((entry) => entry !== undefined);
  }

  /** Redis keeps an entry for its grace as well; how long it is fresh stands in its head. Texts of persisted queries have none. */
  #freshSeconds(ttlMs: number, head: string): number {
    const times = /"t":(\d+),"f":([\d.]+)/.exec(head);
    const freshMs =
      times === null ? ttlMs : Math.min(ttlMs, freshForMs({ t: Number(times[1]), f: Number(times[2]) }, this.#nowMs()));
    return Math.max(0, freshMs / 1000);
  }

  #nodes(): Redis[] {
    return this.#client instanceof Cluster ? this.#client.nodes('master') : [this.#client];
  }
}

function parsePosition(text: string): Position | undefined {
  try {
    return positionSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // not JSON: not a position of ours
  }
}
