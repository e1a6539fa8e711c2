/**
 * Starts the image's server as a pod would: process 1 of its own namespace, a user without any right, nothing to write to. It takes
 * root and Linux's namespaces. Called by image.test.ts.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { freePort } from '../harness/ports.js';
import { startProcess, type ManagedProcess } from '../harness/process.js';
import { waitFor } from '../harness/wait.js';

export interface Confined {
  /** Of the server, as this process sees it. */
  readonly pid: number;
  readonly url: string;
  /** From the first program to the first answer of `/livez`. */
  readonly startMs: number;
  /** Ends with the server and with its exit code. */
  readonly wrapper: ManagedProcess;
}

export interface ConfinedOptions {
  readonly cwd: string;
  /** Of Node. */
  readonly args: readonly string[];
  readonly uid: string;
  readonly env: Readonly<Record<string, string>>;
  /** How fast it should answer. */
  readonly withinMs: number;
}

/** Namespaces of its own for processes and mounts; `sh` then goes on in them. */
const CONFINE = ['--pid', '--fork', '--kill-child', '--mount', '--mount-proc', 'sh', '-c'];
const READ_ONLY = 'mount -o remount,bind,ro / && mount -o bind,ro /tmp /tmp && exec "$@"';
const ATTEMPTS = 5;

export function canConfine(): boolean {
  return process.getuid?.() === 0 && spawnSync('unshare', [...CONFINE, 'command -v setpriv']).status === 0;
}

/** Other programs may be busy meanwhile, so the first start that is fast enough counts, of five. */
export async function startConfined(options: ConfinedOptions): Promise<Confined> {
  for (let attempt = 1; ; attempt++) {
    const started = await startOnce(options);
    if (started.startMs < options.withinMs || attempt === ATTEMPTS) return started;
    await started.wrapper.kill();
  }
}

async function startOnce({ cwd, args, uid, env }: ConfinedOptions): Promise<Confined> {
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  // What the pod's security context asks for. The last option, because a change of user takes off what `--kill-child` has arranged.
  const rights = ['--clear-groups', '--no-new-privs', '--bounding-set=-all'];
  const unprivileged = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, ...rights, '--pdeathsig=KILL'];
  const before = performance.now();
  const wrapper = await startProcess({
    name: 'the image',
    command: 'unshare',
    args: [...CONFINE, READ_ONLY, 'sh', ...unprivileged, process.execPath, ...args],
    env: { PATH: process.env.PATH ?? '', PORT: port, ...env },
    cwd,
    isReady: async () => (await fetch(`${url}/livez`)).status === 200,
  });
  const startMs = performance.now() - before;
  const children = () => readFileSync(`/proc/${String(wrapper.pid)}/task/${String(wrapper.pid)}/children`, 'utf8').trim();
  return { pid: Number(await waitFor(children)), url, startMs, wrapper };
}
