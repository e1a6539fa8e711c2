/**
 * What this process counted since it began, per namespace. Plain numbers, since they are raised on every look-up. A look-up is
 * one key after DataLoader removed duplicates, and ends as exactly one of the first five.
 */
export interface NamespaceCounters {
  l1Hits: number;
  l2Hits: number;
  misses: number;
  staleServed: number;
  /** Asked while the cache was off or not trusted. */
  bypassed: number;
  /** Keys asked of the source. */
  loads: number;
  /** Misses answered by somebody else's load. */
  coalesced: number;
  /** Loads not stored, because what they read was invalidated meanwhile. */
  rejectedFills: number;
  /** Operations on this namespace that Redis failed. */
  errors: number;
}

/** The names of all counters. */
export const COUNTERS = [
  'l1Hits',
  'l2Hits',
  'misses',
  'staleServed',
  'bypassed',
  'loads',
  'coalesced',
  'rejectedFills',
  'errors',
] as const satisfies readonly (keyof NamespaceCounters)[];

export class Counters {
  readonly #namespaces = new Map<string, NamespaceCounters>();

  /** @param names every namespace, so that one that was never asked shows as zeroes. */
  constructor(names: readonly string[]) {
    for (const name of names) this.#namespaces.set(name, zeroes());
  }

  of(namespace: string): NamespaceCounters {
    let counters = this.#namespaces.get(namespace);
    if (counters === undefined) this.#namespaces.set(namespace, (counters = zeroes()));
    return counters;
  }

  all(): ReadonlyMap<string, Readonly<NamespaceCounters>> {
    return this.#namespaces;
  }
}

function zeroes(): NamespaceCounters {
  return Object.fromEntries(COUNTERS.map((name) => [name, 0])) as unknown as NamespaceCounters;
}
