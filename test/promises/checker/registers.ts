/**
 * What each register may show: the writes made to it, in order, and from when on reads must see at least which of them. One part of the
 * checker; pure. Knows no requests, only registers, writes and times.
 */
import type { Holding, Value } from './history.js';

interface Write {
  /** Of the operation; undefined: the value from before the first one. */
  readonly op: number | undefined;
  readonly value: Value;
  readonly sentAt: number;
  /** From when on it is known to be made. */
  madeAt: number | undefined;
  /** It was not made and never will be. */
  refused: boolean;
}

/** From `at` on, reads see write number `index` or a later one, because of operation `by`. */
interface Floor {
  readonly at: number;
  readonly index: number;
  readonly by: string;
}

interface Register {
  readonly writes: Write[];
  readonly floors: Floor[];
}

/** What is wrong with a value that was read, in words. */
export interface Objection {
  readonly kind: 'STALE_READ' | 'UNKNOWN_VALUE';
  readonly message: string;
}

export class Registers {
  readonly #registers = new Map<string, Register>();

  begin(values: readonly Holding[], at: number): void {
    for (const [name, value] of values) {
      const write = { op: undefined, value, sentAt: at, madeAt: at, refused: false };
      this.#registers.set(name, { writes: [write], floors: [{ at, index: 0, by: 'the beginning' }] });
    }
  }

  write(op: number, values: readonly Holding[], sentAt: number): void {
    for (const [name, value] of values) {
      const register = this.#registers.get(name) ?? { writes: [], floors: [] };
      this.#registers.set(name, register);
      register.writes.push({ op, value, sentAt, madeAt: undefined, refused: false });
    }
  }

  /** What became of the write of `op`. */
  settle(op: number, names: readonly string[], made: boolean, at: number): void {
    for (const name of names) {
      const write = this.#registers.get(name)?.writes.findLast((candidate) => candidate.op === op);
      if (write === undefined) continue;
      if (made) write.madeAt ??= at;
      else write.refused = true;
    }
  }

  /**
   * Reads that start after `at` see every write that was made before `madeBefore`, and that of `op`.
   * @param by the operation that promises it, for messages
   */
  cover(
    names: readonly string[],
    promise: { readonly op?: number; readonly madeBefore: number; readonly at: number; readonly by: string },
  ): void {
    const { op, madeBefore, at, by } = promise;
    for (const name of names) {
      const { writes, floors } = this.#of(name);
      const index = writes.findLastIndex(
        (write) => (op !== undefined && write.op === op) || (write.madeAt !== undefined && write.madeAt <= madeBefore),
      );
      if (index > (floors.at(-1)?.index ?? -1)) floors.push({ at, index, by });
    }
  }

  /** Whether a read from `sentAt` to `answeredAt` may have seen the value. */
  check(name: string, value: Value, sentAt: number, answeredAt: number): Objection | undefined {
    const { writes, floors } = this.#of(name);
    const floor = floors.findLast(({ at }) => at < sentAt);
    const from = floor?.index ?? 0;
    const found = writes.findLastIndex((write) => write.value === value && !write.refused && write.sentAt <= answeredAt);
    if (found >= from) return undefined;
    if (floor === undefined || found === -1) {
      return {
        kind: 'UNKNOWN_VALUE',
        message: `${name} showed ${print(value)}, which nobody had written.\n${this.describe(name)}`,
      };
    }
    const promised = writes[from] as Write;
    return {
      kind: 'STALE_READ',
      message:
        `${name} showed ${print(value)}, sent ${(sentAt - floor.at).toFixed(1)} ms after ${floor.by}, by which ` +
        `it is ${print(promised.value)} or newer.\n${this.describe(name)}`,
    };
  }

  /** The last write that is known to be made must be there, or a later one. */
  checkLast(name: string, value: Value): string | undefined {
    const { writes } = this.#of(name);
    const from = writes.findLastIndex((write) => write.madeAt !== undefined);
    if (writes.some((write, index) => index >= from && write.value === value && !write.refused)) return undefined;
    return `${name} is ${print(value)} in the database in the end.\n${this.describe(name)}`;
  }

  /** The latest that happened to a register, a line each. */
  describe(name: string): string {
    const { writes, floors } = this.#of(name);
    const lines = [
      ...writes.slice(-8).map(({ op, value, sentAt, madeAt, refused }) => {
        const fate = refused ? 'not made' : madeAt === undefined ? 'perhaps made' : `made by ${madeAt.toFixed(1)}`;
        return { at: sentAt, text: `operation ${op ?? 'none'} wrote ${print(value)}, ${fate}` };
      }),
      ...floors.slice(-8).map(({ at, index, by }) => ({ at, text: `${by}: ${print((writes[index] as Write).value)} or newer` })),
    ];
    lines.sort((a, b) => a.at - b.at);
    return lines.map(({ at, text }) => `    ${at.toFixed(1)} ${text}`).join('\n');
  }

  #of(name: string): Register {
    const register = this.#registers.get(name);
    if (register === undefined) throw new Error(`The history never said what ${name} holds.`);
    return register;
  }
}

function print(value: Value): string {
  return value === null ? 'nothing' : `"${value}"`;
}
