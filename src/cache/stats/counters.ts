/**
 * What this process counted since it began: the catalogue of counters, which `cacheStats`, `/metrics` and the documentation show,
 * and their values. Plain numbers, since they are raised on every look-up.
 */

/**
 * Counted per namespace, with what each counts. A look-up is one key after DataLoader removed duplicates, and ends as exactly one of
 * the first five.
 */
export const COUNTERS = {
  l1Hits: "Look-ups answered from the pod's memory.",
  l2Hits: 'Look-ups answered from Redis.',
  misses: 'Look-ups that found nothing that may be served.',
  staleServed: 'Look-ups answered by an expired entry: devices while the database was down, responses while they were made anew.',
  bypassed: 'Look-ups made while the cache was off or not trusted.',
  loads: 'Keys asked of the database.',
  coalesced: "Misses answered by somebody else's load.",
  rejectedFills: 'Loads not stored, because what they read was invalidated meanwhile.',
  errors: 'Operations that Redis failed.',
} as const;

export type CounterName = keyof typeof COUNTERS;
export type NamespaceCounters = Record<CounterName, number>;
export const COUNTER_NAMES = Object.keys(COUNTERS) as readonly CounterName[];

/** What the cache asks Redis to do. */
export const REDIS_OPERATIONS = {
  read: 'looking values up',
  fill: 'storing what was loaded',
  claim: 'agreeing on who loads a key',
  sync: 'asking for news and a lease',
  append: 'taking an invalidation',
  record: 'remembering who asked for an invalidation',
} as const;

export type RedisOperation = keyof typeof REDIS_OPERATIONS;

export class Counters {
  readonly #namespaces = new Map<string, NamespaceCounters>();
  readonly #failures = zeroes(Object.keys(REDIS_OPERATIONS) as RedisOperation[]);

  /** @param names every namespace, so that one that was never asked shows as zeroes. */
  constructor(names: readonly string[]) {
    for (const name of names) this.#namespaces.set(name, zeroes(COUNTER_NAMES));
  }

  of(namespace: string): NamespaceCounters {
    let counters = this.#namespaces.get(namespace);
    if (counters === undefined) this.#namespaces.set(namespace, (counters = zeroes(COUNTER_NAMES)));
    return counters;
  }

  /** Counts an operation that Redis failed, for the namespace that it was about, if any. */
  failed(operation: RedisOperation, namespace?: NamespaceCounters): void {
    this.#failures[operation]++;
    if (namespace !== undefined) namespace.errors++;
  }

  all(): ReadonlyMap<string, Readonly<NamespaceCounters>> {
    return this.#namespaces;
  }

  get failures(): Readonly<Record<RedisOperation, number>> {
    return this.#failures;
  }
}

/** Counters of one look-up, from zero, which are counted in `total` as well, whenever that is. */
export function tallyOf(total: NamespaceCounters): NamespaceCounters {
  return new Proxy(zeroes(COUNTER_NAMES), {
    set(tally, name: CounterName, value: number) {
      total[name] += value - tally[name];
      tally[name] = value;
      return true;
    },
  });
}

function zeroes<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}
