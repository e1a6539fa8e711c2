import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Dep, Ledger } from '../../src/cache/protocol/ledger.js';

interface Stamped {
  readonly e: string;
  readonly s: number;
  readonly d: readonly string[];
}

/** The definition, with the whole log kept: what `Ledger` must agree with while it keeps its memory small. */
class NaiveLedger {
  #epoch: string | undefined;
  #bound = 0;
  #log: { readonly seq: number; readonly deps: readonly Dep[] | undefined }[] = [];

  reset(epoch: string, bound: number): void {
    this.#epoch = epoch;
    this.#bound = bound;
    this.#log = [];
  }

  add(seq: number, deps: readonly Dep[] | undefined): void {
    this.#log.push({ seq, deps });
  }

  servable({ e, s, d }: Stamped): boolean {
    if (e !== this.#epoch || s < this.#bound) return false;
    return !this.#log.some(
      ({ seq, deps }) => seq > s && (deps === undefined || deps.some((dep) => d.some((mine) => names(dep, mine)))),
    );
  }
}

/** Said a second time in another language, so that a mistake in one is not repeated by the other. */
const GLOBS: Readonly<Record<string, RegExp>> = {
  '*': /^/,
  'device_meta:*': /^device_meta:/,
  '*:a': /:a$/,
  'device:?': /^device:.$/,
  'device*[ab]': /^device.*[ab]$/,
  'api_key:*': /^api_key:/,
  nothing: /^nothing$/,
};

function names(dep: Dep, mine: string): boolean {
  return typeof dep === 'string' ? dep === mine : GLOBS[dep.glob]!.test(mine);
}

const NAMES = ['device_meta:a', 'device_meta:b', 'device_meta:c', 'device:a', 'device:b', 'device:cc', 'api_key:a', 'nothing'];

describe('a ledger', () => {
  const dep: fc.Arbitrary<Dep> = fc.oneof(
    fc.constantFrom(...NAMES),
    fc.constantFrom(...Object.keys(GLOBS)).map((glob) => ({ glob })),
  );
  const entries = fc.record({
    epoch: fc.constantFrom('one', 'two'),
    age: fc.nat(12),
    d: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }),
  });
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.record({ kind: fc.constant('add'), deps: fc.array(dep, { maxLength: 3 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('gap'), seqs: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('unreadable') }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset'), epoch: fc.constantFrom('one', 'two'), floor: fc.nat(5) }) },
    { weight: 12, arbitrary: fc.record({ kind: fc.constant('check'), entry: entries }) },
  ) as fc.Arbitrary<
    | { kind: 'add'; deps: Dep[] }
    | { kind: 'gap'; seqs: number }
    | { kind: 'unreadable' }
    | { kind: 'reset'; epoch: string; floor: number }
    | { kind: 'check'; entry: { epoch: string; age: number; d: string[] } }
  >;

  it('agrees with its definition, whatever it has heard', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        const [ledger, naive] = [new Ledger(), new NaiveLedger()];
        ledger.reset('one', 0);
        naive.reset('one', 0);
        let seq = 0;
        for (const each of steps) {
          if (each.kind === 'check') {
            const { epoch: e, age, d } = each.entry;
            const entry = { e, s: Math.max(0, seq + 2 - age), d };
            expect([ledger.servable(entry), entry]).toEqual([naive.servable(entry), entry]);
          } else if (each.kind === 'reset') {
            seq = each.floor;
            for (const either of [ledger, naive]) either.reset(each.epoch, seq);
          } else if (each.kind === 'gap') {
            ledger.add((seq += each.seqs), []);
          } else {
            seq++;
            for (const either of [ledger, naive]) either.add(seq, each.kind === 'add' ? each.deps : undefined);
          }
          expect(ledger.applied).toBe(seq);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives no stamp and serves nothing before it has heard the log', () => {
    const ledger = new Ledger();
    expect(ledger.stamp()).toBeUndefined();
    expect(ledger.servable({ e: '', s: 0, d: ['a'] })).toBe(false);
    ledger.reset('one', 7);
    expect(ledger.stamp()).toEqual({ epoch: 'one', seq: 7 });
  });

  it('forgets what it knew when the log begins anew, and serves nothing of before', () => {
    const ledger = new Ledger();
    ledger.reset('one', 0);
    ledger.add(1, ['a', { glob: 'b*' }]);
    const before = { e: 'one', s: 1, d: ['c'] };
    expect(ledger.servable(before)).toBe(true);
    ledger.reset('two', 0);
    expect(ledger.applied).toBe(0);
    expect(ledger.servable(before)).toBe(false);
    expect(ledger.servable({ e: 'two', s: 0, d: ['a', 'bee'] })).toBe(true);
  });
});

describe('a ledger that has heard more than it keeps', () => {
  function heard(): { ledger: Ledger; naive: NaiveLedger; add: (deps: readonly Dep[]) => number } {
    const [ledger, naive] = [new Ledger(), new NaiveLedger()];
    ledger.reset('one', 0);
    naive.reset('one', 0);
    let seq = 0;
    const add = (deps: readonly Dep[]): number => {
      seq++;
      for (const either of [ledger, naive]) either.add(seq, deps);
      return seq;
    };
    return { ledger, naive, add };
  }

  it('has misses, never false hits, for entries older than the names that it dropped', () => {
    const { ledger, naive, add } = heard();
    const LAST = 2_500;
    for (let i = 1; i <= LAST; i++) add(Array.from({ length: 100 }, (_, k) => `device:${i}-${k}`));

    const kept: number[] = [];
    for (let s = 0; s <= LAST; s += 25) {
      for (const seq of new Set([1, Math.max(1, s), Math.min(LAST, s + 1), LAST])) {
        const invalidated = { e: 'one', s, d: ['device_meta:x', `device:${seq}-50`] };
        if (!naive.servable(invalidated)) expect([ledger.servable(invalidated), s, seq]).toEqual([false, s, seq]);
      }
      const untouched = { e: 'one', s, d: ['device_meta:y', 'device:y'] };
      if (ledger.servable(untouched)) kept.push(s);
    }
    // It dropped the old part and not the rest: what was loaded lately stays of use, what was loaded long ago does not.
    expect(kept).not.toContain(0);
    expect(kept.at(-1)).toBe(LAST);
    expect(kept.length).toBeGreaterThan(10);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => LAST - 25 * (kept.length - 1 - i)));
  });

  it('drops the names of one enormous invalidation only together with everything older', () => {
    const { ledger, add } = heard();
    add(['device:before']);
    const seq = add(Array.from({ length: 150_000 }, (_, i) => `device:${i}`));
    expect(ledger.servable({ e: 'one', s: seq - 1, d: ['device:0'] })).toBe(false);
    expect(ledger.servable({ e: 'one', s: seq - 1, d: ['device:149999'] })).toBe(false);
    expect(ledger.servable({ e: 'one', s: seq, d: ['device:0'] })).toBe(true);
  });

  it('counts a name that is invalidated again and again once', () => {
    const { ledger, add } = heard();
    const old = { e: 'one', s: 0, d: ['device:quiet'] };
    for (let i = 0; i < 250_000; i++) add([`device:${i % 10}`]);
    expect(ledger.servable(old)).toBe(true);
    expect(ledger.servable({ e: 'one', s: 249_990, d: ['device:0'] })).toBe(false);
  });

  it('has misses, never false hits, for entries older than the patterns that it dropped', () => {
    const { ledger, naive, add } = heard();
    const LAST = 2_500;
    for (let i = 1; i <= LAST; i++) add([{ glob: 'device*[ab]' }, `device:${i}`]);
    let kept = 0;
    for (let s = 0; s <= LAST; s += 10) {
      const entry = { e: 'one', s, d: ['device_meta:a'] };
      if (!naive.servable(entry)) expect([ledger.servable(entry), s]).toEqual([false, s]);
      if (ledger.servable({ e: 'one', s, d: ['api_key:c'] })) kept++;
    }
    expect(kept).toBeGreaterThan(10);
    expect(ledger.servable({ e: 'one', s: 0, d: ['api_key:c'] })).toBe(false);
    expect(ledger.servable({ e: 'one', s: LAST, d: ['device_meta:a'] })).toBe(true);
  });
});
