/**
 * The processes that a benchmark starts: Redis, MongoDB, servers. Each is stopped by whoever started it; what is left when the
 * benchmark ends, however it ends, is killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { waitFor } from '../test/harness/wait.js';

export interface ProcessOptions {
  readonly command: readonly [string, readonly string[]];
  /** The whole environment beside PATH. Default: nothing. */
  readonly env?: Readonly<Record<string, string>>;
  /** Throws standard output away, where reading it would cost the core that the load comes from. Default: false. */
  readonly quiet?: boolean;
  /** Asked every 10 ms until it is true; `lines` are those printed so far. */
  readonly isReady: (lines: readonly string[]) => boolean | Promise<boolean>;
}

const CLOCK_TICKS_PER_SECOND = 100;
const READY_TIMEOUT_MS = 30_000;

const running = new Set<BenchProcess>();
process.once('exit', () => {
  for (const left of running) left.kill();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** Resolves when the process is ready. Rejects, with the last of what it printed, when it ends before that. */
export async function startProcess(options: ProcessOptions): Promise<BenchProcess> {
  const {
    command: [command, args],
    env,
    quiet = false,
    isReady,
  } = options;
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', quiet ? 'ignore' : 'pipe', 'pipe'],
  });
  const started = new BenchProcess(child);
  running.add(started);
  child.once('close', () => running.delete(started));
  const ready = async () => {
    if (child.exitCode !== null) return true;
    return isReady(started.lines);
  };
  try {
    await waitFor(ready, { timeoutMs: READY_TIMEOUT_MS, describe: `${command} to be ready` });
    if (child.exitCode !== null) throw new Error(`${command} ended before it was ready`);
  } catch (error) {
    started.kill();
    throw new Error(`${String(error)}\n${started.lines.join('\n')}`, { cause: error });
  }
  return started;
}

export class BenchProcess {
  /** The first lines printed, as many as may say why it did not start. */
  readonly lines: string[] = [];
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const output of [child.stdout, child.stderr]) {
      if (output === null) continue;
      createInterface(output).on('line', (line) => {
        if (this.lines.length < 100) this.lines.push(line);
      });
    }
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Freezes the process: its connections stay open, and nothing answers. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    if (!running.has(this)) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    this.thaw(); // a frozen process hears SIGTERM only then
    await closed;
  }
}

/** Processor time of a process since its start, in seconds. Undefined where there is no /proc. */
export function cpuSeconds(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  // After the program's name, which may hold anything: user and system time are the 14th and 15th field of all.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

/** Resident memory of a process in megabytes of 10^6 bytes. Undefined where there is no /proc. */
export function residentMegabytes(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  return (Number(/^VmRSS:\s*(\d+) kB/m.exec(status)![1]) * 1024) / 1e6;
}
