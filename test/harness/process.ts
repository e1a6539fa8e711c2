/**
 * One child process of a test: started, watched line by line, frozen, killed, stopped and started again. It is recorded in the
 * run's folder while it lives, so that the end of the run can tell whether any is left (`prepare.ts`).
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { environment } from './environment.js';
import { track } from './registry.js';
import { waitFor } from './wait.js';

export interface ProcessOptions {
  /** For error messages: `redis-server on port 12345`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the process. Default: PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Makes it the leader of a process group, for signals to the whole group (`process.kill(-pid, …)`). */
  readonly ownGroup?: boolean;
  /** Asked every 10 ms until it is true; `lines` are those of standard output since this start. */
  readonly isReady: (lines: readonly string[]) => boolean | Promise<boolean>;
  /** Default 20,000 ms. */
  readonly readyTimeoutMs?: number;
  /** How long the process may take to end after SIGTERM. Default 10,000 ms. */
  readonly stopTimeoutMs?: number;
}

/** The only variables that a process of a test takes over from the test's own environment. */
export function cleanEnvironment(): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME };
}

/** Starts a process and waits until it is ready. Rejects, with the last of what it printed, when it ends before that. */
export async function startProcess(options: ProcessOptions): Promise<ManagedProcess> {
  const started = new ManagedProcess(options);
  await started.restart();
  return started;
}

export class ManagedProcess {
  readonly name: string;
  /** Lines printed so far, across restarts. */
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  #child: ChildProcessByStdio<null, Readable, Readable> | undefined;
  /** Settles when the child has ended and its last line was read. */
  #ended: Promise<void> = Promise.resolve();
  readonly #options: ProcessOptions;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.name = options.name;
    track({ name: options.name, close: () => this.stop() });
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`${this.name} was never started`);
    return this.#child.pid;
  }

  /** Null while it runs and when a signal ended it. */
  get exitCode(): number | null {
    return this.#child?.exitCode ?? null;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Freezes it: connections stay open and nothing answers. Resolves when it really stands still. */
  async pause(): Promise<void> {
    process.kill(this.pid, 'SIGSTOP');
    await waitFor(() => isStopped(this.pid), { describe: `${this.name} to be frozen` });
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.running) process.kill(this.pid, 'SIGKILL');
    await this.#ended;
  }

  /** SIGTERM; resolves with the exit code (null when a signal ended it). Rejects, having killed it, when it takes too long. */
  async stop(): Promise<number | null> {
    const { stopTimeoutMs = 10_000 } = this.#options;
    if (this.running) {
      process.kill(this.pid, 'SIGTERM');
      process.kill(this.pid, 'SIGCONT');
      try {
        await waitFor(() => !this.running, { timeoutMs: stopTimeoutMs, describe: `${this.name} to end after SIGTERM` });
      } catch (error) {
        await this.kill();
        throw new Error(`${String(error)}\n${this.#lastLines()}`, { cause: error });
      }
    }
    await this.#ended;
    return this.exitCode;
  }

  /** Resolves with the exit code when it ends by itself. */
  async ended(options: { readonly timeoutMs: number }): Promise<number | null> {
    await waitFor(() => !this.running, { ...options, describe: `${this.name} to end` });
    await this.#ended;
    return this.exitCode;
  }

  /** Starts it again with the same command; stopped first when it still runs. Resolves when it is ready. */
  async restart(): Promise<void> {
    await this.stop();
    this.spawn();
    const { isReady, readyTimeoutMs: timeoutMs = 20_000 } = this.#options;
    const firstLine = this.stdout.length;
    const ready = async () => !this.running || (await isReady(this.stdout.slice(firstLine)));
    try {
      await waitFor(ready, { timeoutMs, describe: `${this.name} to be ready` });
      if (!this.running)
        throw new Error(`${this.name} ended before it was ready, exit code ${String(await this.ended({ timeoutMs }))}`);
    } catch (error) {
      await this.kill();
      throw new Error(`${String(error)}\n${this.#lastLines()}`, { cause: error });
    }
  }

  /** Starts it and does not wait. */
  spawn(): void {
    const { command, args, env = cleanEnvironment(), cwd, ownGroup: detached } = this.#options;
    const child = spawn(command, args, { env, cwd, detached, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    const record = join(environment().runDirectory, `${String(child.pid)}.pid`);
    if (child.pid !== undefined) writeFileSync(record, this.name);
    createInterface(child.stdout).on('line', (line) => this.stdout.push(line));
    createInterface(child.stderr).on('line', (line) => this.stderr.push(line));
    child.once('error', (error) => this.stderr.push(String(error)));
    this.#ended = new Promise((resolve) => {
      child.once('close', () => {
        rmSync(record, { force: true });
        resolve();
      });
    });
  }

  #lastLines(): string {
    return [...this.stdout.slice(-20), ...this.stderr.slice(-20)].map((line) => `  | ${line}`).join('\n');
  }
}

/** Whether the kernel lists the process as stopped. Where there is no /proc the signal is trusted. */
function isStopped(pid: number): boolean {
  if (process.platform !== 'linux') return true;
  const status = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  return status.slice(status.lastIndexOf(')')).startsWith(') T');
}
