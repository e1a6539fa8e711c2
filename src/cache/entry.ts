/**
 * One cached value with everything that decides whether it may be served. What a pod of another version, or anybody else, wrote
 * under our keys is never trusted: whatever doesn't decode is a miss.
 */

/** The moment a load began, as a place in the log of invalidations. */
export interface Stamp {
  /** Random; names one life of the log. Stamps of different epochs can't be compared. */
  readonly epoch: string;
  /** The last invalidation that the loading pod had heard of. */
  readonly seq: number;
}

/** What is stored under a key, as JSON with these short names. */
export interface Entry<V = unknown> {
  /** Version of the value's shape, `Namespace.valueVersion`. */
  readonly v: number;
  /** Epoch and sequence of the stamp. */
  readonly e: string;
  readonly s: number;
  /** When the load began, in milliseconds of Redis's clock. */
  readonly t: number;
  /** For how many seconds from then the value is fresh. */
  readonly f: number;
  /** Of a whole response: for how many seconds after that it is served while it is made anew. Default: 0. */
  readonly w?: number;
  /** What the value depends on: its own key and its tags. */
  readonly d: readonly string[];
  /** The value; null is an absence. */
  readonly x: V | null;
}

/** The entry in a stored text, or undefined when it isn't one of ours. */
export function decodeEntry(text: unknown): Entry | undefined {
  if (typeof text !== 'object' || text === null) return undefined;
  const { v, e, s, t, f, d, x } = text as Partial<Entry>;
  const valid =
    typeof v === 'number' &&
    typeof e === 'string' &&
    typeof s === 'number' &&
    typeof t === 'number' &&
    typeof f === 'number' &&
    Array.isArray(d) &&
    d.every((dep) => typeof dep === 'string') &&
    x !== undefined;
  return valid ? (text as Entry) : undefined;
}

/** Milliseconds of freshness left at `nowMs` of Redis's clock; zero or less when only grace keeps the entry. */
export function freshForMs(entry: Pick<Entry, 't' | 'f'>, nowMs: number): number {
  return entry.t + entry.f * 1000 - nowMs;
}

/** Milliseconds for which it may be served at all: while it is fresh, and then while it is made anew. */
export function servedForMs(entry: Pick<Entry, 't' | 'f' | 'w'>, nowMs: number): number {
  return freshForMs(entry, nowMs) + (entry.w ?? 0) * 1000;
}
