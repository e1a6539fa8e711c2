/**
 * Which faults there were and what they excuse. A broken Redis excuses nothing. One part of the checker; pure.
 */
import type { Breakage, FaultBegan, FaultEnded } from './history.js';

interface Fault {
  readonly number: number;
  readonly name: string;
  readonly breaks: Breakage;
  readonly from: number;
  to: number;
}

/** From when to when an operation was under way. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** How long after its end a fault is felt: a process that starts, a driver that asks for its server again. In ms. */
const POD_AFTERMATH_MS = 1_500;
const MONGODB_AFTERMATH_MS = 4_000;
const REDIS_AFTERMATH_MS = 4_000;
/** Faults that ended so long ago concern no operation any more. */
const FORGET_MS = 120_000;

export class Faults {
  #faults: Fault[] = [];
  /** Numbered anew by nobody: the end of the last fault that may have made a Redis forget. */
  #lostDataAt = -Infinity;

  begin({ fault, name, breaks, at }: FaultBegan): void {
    this.#faults = this.#faults.filter(({ to }) => to > at - FORGET_MS);
    this.#faults.push({ number: fault, name, breaks, from: at, to: Infinity });
  }

  end({ fault, at }: FaultEnded): void {
    const ended = this.#faults.find(({ number }) => number === fault);
    if (ended === undefined) throw new Error(`The history never said that fault ${fault} began.`);
    ended.to = at;
    if (ended.breaks.losesData === true) this.#lostDataAt = at;
  }

  /** Whether a request to `pod` may fail with `problem`. */
  excuse(problem: string, pod: string | undefined, span: Span): boolean {
    if (this.#broken('pod', pod, span, POD_AFTERMATH_MS)) return true;
    const database = this.#broken('mongodb', pod, span, MONGODB_AFTERMATH_MS);
    if (problem === 'DATABASE_UNAVAILABLE') return database;
    // A purge that can be neither applied nor put on record.
    if (problem === 'CACHE_UNAVAILABLE') return database && this.#broken('redis', pod, span, REDIS_AFTERMATH_MS);
    return false;
  }

  /** Whether a request to `pod` may take as long as it takes, or be answered from grace. */
  excuseDelay(pod: string | undefined, span: Span): boolean {
    return this.#broken('pod', pod, span, POD_AFTERMATH_MS) || this.#broken('mongodb', pod, span, MONGODB_AFTERMATH_MS);
  }

  /** Whether a Redis may have forgotten something since `at`. */
  hasLostData(at: number): boolean {
    return this.#lostDataAt >= at || this.#faults.some(({ breaks, to }) => breaks.losesData === true && to >= at);
  }

  /** The faults around an operation, a line each. */
  describe({ from, to }: Span): string {
    const around = this.#faults.filter((fault) => fault.from <= to && fault.to >= from - MONGODB_AFTERMATH_MS);
    if (around.length === 0) return '    no fault';
    const lines = around.map(({ name, breaks, from: began, to: ended }) => {
      return `    ${began.toFixed(1)} to ${ended.toFixed(1)} ${name} ${JSON.stringify(breaks)}`;
    });
    return lines.join('\n');
  }

  #broken(part: 'redis' | 'mongodb' | 'pod', pod: string | undefined, span: Span, aftermathMs: number): boolean {
    return this.#faults.some(({ breaks, from, to }) => {
      const broken = breaks[part];
      if (broken === undefined || (broken !== 'all' && broken !== pod)) return false;
      return from <= span.to && to + aftermathMs >= span.from;
    });
  }
}
