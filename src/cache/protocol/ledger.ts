/**
 * What this pod knows of the log of invalidations, and the one check that every entry passes before it is served, whatever tier
 * or load it comes from. Pure memory: `bus.ts` (Redis) or the embedded journal feeds it.
 */
import type { Entry, Stamp } from '../entry.js';
import { Glob } from './glob.js';

/** One thing an invalidation names: an exact key or tag, or a glob over both. */
export type Dep = string | { readonly glob: string };

/** Why an entry may not be served, as far as the log of invalidations goes. */
export type Invalidated =
  /** Written in another life of the log. */
  | { readonly by: 'epoch' }
  /** Read before everything was invalidated, or before what this pod remembers. */
  | { readonly by: 'bound' }
  /** `dep` of the entry was invalidated after it was read. */
  | { readonly by: 'name'; readonly dep: string }
  | { readonly by: 'pattern'; readonly dep: string; readonly pattern: string };

/** When more exact deps than this are remembered, the oldest half is forgotten and `bound` raised past it. */
const MAX_EXACT_DEPS = 100_000;
/** The same for globs, which cost a match each on every check of an older entry. */
const MAX_GLOBS = 1_000;

export class Ledger {
  /** Undefined before the log was heard for the first time. */
  #epoch: string | undefined;
  #applied = 0;
  #bound = 0;
  #revision = 0;
  /** Kept in the order of their latest sequence, so that the oldest part is the front. */
  readonly #exact = new Map<string, number>();
  #globs: { readonly seq: number; readonly glob: Glob }[] = [];

  get epoch(): string | undefined {
    return this.#epoch;
  }

  get applied(): number {
    return this.#applied;
  }

  /** Moves with everything heard: what was servable at this revision still is while it stays. */
  get revision(): number {
    return this.#revision;
  }

  /** To be taken before a load begins; undefined while nothing may be stored. */
  stamp(): Stamp | undefined {
    return this.#epoch === undefined ? undefined : { epoch: this.#epoch, seq: this.#applied };
  }

  /** Forgets everything: the log began anew, or has dropped what this pod had not heard. Entries stamped below `bound` are lost. */
  reset(epoch: string, bound: number): void {
    this.#revision++;
    this.#epoch = epoch;
    this.#bound = bound;
    this.#applied = bound;
    this.#exact.clear();
    this.#globs = [];
  }

  /** Hears one entry of the log. `undefined`, an entry that can't be read, means everything. */
  add(seq: number, deps: readonly Dep[] | undefined): void {
    if (seq > this.#applied) this.#revision++;
    this.#applied = Math.max(this.#applied, seq);
    for (const dep of deps ?? [{ glob: '*' }]) {
      if (typeof dep === 'string') {
        this.#exact.delete(dep);
        this.#exact.set(dep, seq);
      } else if (dep.glob === '*') {
        this.#raiseBound(seq);
      } else {
        this.#globs.push({ seq, glob: new Glob(dep.glob) });
      }
    }
    if (this.#exact.size > MAX_EXACT_DEPS) this.#forgetOldestDeps();
    if (this.#globs.length > MAX_GLOBS) this.#raiseBound(this.#globs[this.#globs.length >> 1]?.seq ?? seq);
  }

  /** True when nothing that the entry depends on was invalidated since its load began, as far as this pod has heard. */
  servable(entry: Pick<Entry, 'e' | 's' | 'd'>): boolean {
    return this.invalidated(entry) === undefined;
  }

  /** The same with the reason; undefined when it is servable. */
  invalidated(entry: Pick<Entry, 'e' | 's' | 'd'>): Invalidated | undefined {
    if (entry.e !== this.#epoch) return { by: 'epoch' };
    if (entry.s < this.#bound) return { by: 'bound' };
    if (entry.s >= this.#applied) return undefined;
    for (const dep of entry.d) {
      if ((this.#exact.get(dep) ?? -1) > entry.s) return { by: 'name', dep };
    }
    let deps: Buffer[] | undefined;
    for (let i = this.#globs.length - 1; i >= 0; i--) {
      const { seq, glob } = this.#globs[i] as { seq: number; glob: Glob };
      if (seq <= entry.s) break;
      deps ??= entry.d.map((dep) => Buffer.from(dep));
      const matched = deps.findIndex((dep) => glob.matches(dep));
      if (matched !== -1) return { by: 'pattern', dep: entry.d[matched] as string, pattern: glob.text };
    }
    return undefined;
  }

  #forgetOldestDeps(): void {
    let excess = this.#exact.size >> 1;
    for (const seq of this.#exact.values()) {
      if (excess-- === 0) return this.#raiseBound(seq);
    }
  }

  /** Entries stamped below `bound` are misses from now on, so what was invalidated up to there need not be remembered. */
  #raiseBound(bound: number): void {
    this.#bound = Math.max(this.#bound, bound);
    for (const [dep, seq] of this.#exact) {
      if (seq > this.#bound) break;
      this.#exact.delete(dep);
    }
    this.#globs = this.#globs.filter(({ seq }) => seq > this.#bound);
  }
}
