/**
 * Lets faults come and go during a run: in each lane one after the other in an order shuffled by the seed, every one of them before any
 * comes again, with pauses between them. Counts how often each has struck. Called by the run.
 */
import type { Fault, Lane } from './faults.js';
import type { Fleet } from '../fleet/fleet.js';
import type { Random } from '../workload/random.js';
import type { Recorder } from '../recorder.js';

export interface ScheduleOptions {
  readonly fleet: Fleet;
  readonly recorder: Recorder;
  readonly faults: readonly Fault[];
  readonly random: Random;
  /** Between two faults of a lane, in ms: from, to. */
  readonly pauses: Readonly<Record<Lane, readonly [number, number]>>;
  /** Shortens or lengthens every fault. Default: 1. */
  readonly pace?: number;
}

export class Schedule {
  readonly #options: ScheduleOptions;
  /** Strikes by the name of the fault. */
  readonly struck: Map<string, number>;
  /** How often each has begun. */
  readonly begun = new Map<string, number>();
  /** Faults that are under way. */
  readonly active = new Set<string>();
  readonly #stop = new AbortController();

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.struck = new Map(options.faults.map(({ name }) => [name, 0]));
  }

  /** Faults that have not struck yet. */
  get missing(): string[] {
    return [...this.struck].filter(([, count]) => count === 0).map(([name]) => name);
  }

  /** Resolves when `stop` was called and every fault is healed. */
  async run(): Promise<void> {
    const lanes = new Set(this.#options.faults.map(({ lane }) => lane));
    await Promise.all([...lanes].map((lane) => this.#runLane(lane)));
  }

  /** No new fault begins, and those under way end. */
  stop(): void {
    this.#stop.abort();
  }

  async #runLane(lane: Lane): Promise<void> {
    const { faults, pauses } = this.#options;
    const random = this.#options.random.fork(`faults of ${lane}`);
    const own = faults.filter((fault) => fault.lane === lane);
    for (;;) {
      for (const fault of random.shuffled(own)) {
        await this.#pass(random.integer(...pauses[lane]));
        if (this.#stop.signal.aborted) return;
        await this.#runFault(fault, random);
      }
    }
  }

  async #runFault(fault: Fault, random: Random): Promise<void> {
    const { fleet, recorder, pace = 1 } = this.#options;
    const pod = random.pick(fleet.pods);
    const lastsMs = pace * random.integer(...fault.lasts);
    const end = recorder.beginFault(fault.name, fault.breaks(pod.name));
    this.active.add(fault.name);
    this.begun.set(fault.name, (this.begun.get(fault.name) ?? 0) + 1);
    const struck = await fault.run({ fleet, pod, random: random.fork(fault.name), last: () => this.#pass(lastsMs) });
    this.active.delete(fault.name);
    end();
    this.struck.set(fault.name, (this.struck.get(fault.name) ?? 0) + struck);
  }

  #pass(ms: number): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
    });
  }
}
