/**
 * Which cores what is measured runs on, and which are left for everything beside it: load, Redis, MongoDB. Two processes that share
 * a core measure each other. Without Linux's `taskset`, or with one core, nothing is pinned.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** `anywhere`: a process would otherwise stay on the cores of the one that starts it. */
export type Place = 'measured' | 'beside' | 'anywhere';

export class Cores {
  /** As `taskset` takes them. */
  readonly #lists: Readonly<Record<Place, string>> | undefined;

  constructor() {
    const all = allowedCores();
    const [first, ...rest] = all;
    if (first === undefined || rest.length === 0) return;
    this.#lists = { measured: String(first), beside: rest.join(','), anywhere: all.join(',') };
  }

  /** What to run for a command to have its place. */
  command(place: Place, command: string, args: readonly string[]): readonly [string, readonly string[]] {
    return this.#lists === undefined ? [command, args] : ['taskset', ['-c', this.#lists[place], command, ...args]];
  }

  /** Moves this process, with all its threads. */
  move(place: Place): void {
    if (this.#lists !== undefined) spawnSync('taskset', ['-a', '-cp', this.#lists[place], String(process.pid)]);
  }

  toString(): string {
    if (this.#lists === undefined) return 'not pinned to cores';
    return `what is measured on core ${this.#lists.measured}, all else on ${this.#lists.beside}`;
  }
}

/** Empty where it can't be told or nothing can be pinned. */
function allowedCores(): number[] {
  if (process.platform !== 'linux' || spawnSync('taskset', ['--version']).status !== 0) return [];
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}
