/** Pods that run in processes of their own, as `pod-process.ts` has them, and what a test may ask one. */
import type { Namespace } from '../../src/cache/cache.js';
import { freePort } from '../harness/ports.js';
import { type ManagedProcess, startProcess } from '../harness/process.js';
import { NAMESPACES, PREFIX } from './pods.js';
import { DEVICES } from './source.js';

export type PodQuestion =
  | { readonly op: 'read'; readonly namespace: Namespace; readonly id: string; readonly source: number; readonly hangs?: boolean }
  | { readonly op: 'invalidate'; readonly deps: readonly string[] }
  | { readonly op: 'status' };
export interface PodAnswer {
  readonly version?: number | null;
  readonly loads?: number;
  readonly status?: string;
}

export interface PodProcess {
  readonly process: ManagedProcess;
  /** Reads an id of which the source has `source` as its version, and tells which version came out. */
  read(id: string, source: number): Promise<number | null>;
  /** Reads an id of which the source never answers. */
  hang(id: string): Promise<unknown>;
  invalidate(deps: readonly string[]): Promise<string>;
  status(): Promise<string>;
}

const PROGRAM = 'test/cache/pod-process.ts';

/** Starts a pod and waits until it is in use, or has given up waiting for Redis. */
export async function startPodProcess(name: string, redisUrl: string): Promise<PodProcess> {
  const port = await freePort();
  const process_ = await startProcess({
    name: `pod ${name} on port ${port}`,
    command: process.execPath,
    args: ['--import', 'tsx', PROGRAM, redisUrl, String(port), PREFIX, NAMESPACES.join(','), name],
    isReady: (lines) => lines.includes('ready'),
  });
  const ask = async (question: PodQuestion): Promise<PodAnswer> => {
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      headers: { connection: 'close' },
      body: JSON.stringify(question),
    });
    if (!response.ok) throw new Error(`pod ${name}: ${await response.text()}`);
    return (await response.json()) as PodAnswer;
  };
  return {
    process: process_,
    read: async (id, source) => (await ask({ op: 'read', namespace: DEVICES, id, source })).version ?? null,
    hang: (id) => ask({ op: 'read', namespace: DEVICES, id, source: 0, hangs: true }),
    invalidate: async (deps) => (await ask({ op: 'invalidate', deps })).status!,
    status: async () => (await ask({ op: 'status' })).status!,
  };
}
