/** Pods as an operator runs them, that answer whole responses from the cache, and what the tests beside this file ask them. */
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject } from 'vitest';
import { startServer, type ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import { podEnvironment, stats } from '../promises/real-pods.js';
import { cacheStatus, type Exchange } from './exchange.js';

export const L1_HIT = 'hit; ttl=n; detail=l1';

export interface PodPorts {
  readonly redis: number;
  readonly mongodb: number;
}

/** @param env more of its environment. @param directory that holds `dist/`, if it isn't the project's. */
export function startPod(
  ports: PodPorts,
  env: Readonly<Record<string, string>> = {},
  directory?: string,
): Promise<ServerProcess> {
  const all = { ...podEnvironment(ports), CACHE_RESPONSE_TTL_SECONDS: '60', ...env };
  return startServer(all, directory === undefined ? {} : { directory });
}

/** Starts so many, one after the other, which is quicker on a busy machine. Resolves when all know of all. */
export async function startPods(
  count: number,
  ports: PodPorts,
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProcess[]> {
  const pods: ServerProcess[] = [];
  while (pods.length < count) pods.push(await startPod(ports, env));
  await knowEachOther(pods);
  return pods;
}

/** Until every pod knows of all. */
export async function knowEachOther(pods: readonly ServerProcess[]): Promise<void> {
  for (const pod of pods) {
    await waitFor(async () => {
      const { status, pods: all } = await stats(pod);
      return status === 'CONNECTED' && all.length === pods.length;
    });
  }
}

/** The built server with one place of one file changed: what a test can find must be found there. */
export function patchedServer(file: string, before: RegExp, after: string): string {
  const directory = mkdtempSync(join(inject('runDirectory'), 'patched-'));
  cpSync('dist', join(directory, 'dist'), { recursive: true });
  cpSync('package.json', join(directory, 'package.json'));
  for (const folder of ['node_modules', 'schema']) symlinkSync(join(process.cwd(), folder), join(directory, folder));
  const path = join(directory, 'dist', file);
  const parts = readFileSync(path, 'utf8').split(before);
  expect(parts).toHaveLength(2); // else nothing would be changed
  writeFileSync(path, parts.join(after));
  return directory;
}

export interface Answer {
  readonly data: any;
  readonly status: string | undefined;
}

/** Asks a pod. `status` is that of the cache. */
export async function ask(
  pod: ServerProcess,
  query: string,
  variables: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await pod.graphql(query, variables, headers);
  expect(answer.body.errors).toBeUndefined();
  const status = cacheStatus({ headers: Object.fromEntries(answer.headers) } as unknown as Exchange);
  return { data: answer.body.data, status };
}

/** How often responses were looked up, found and executed in the whole fleet, by the names of `cacheStats`. */
export async function responseCounts(pod: ServerProcess): Promise<Record<string, number>> {
  const { namespaces } = await stats(pod);
  return namespaces.find(({ name }: { name: string }) => name === 'response');
}
