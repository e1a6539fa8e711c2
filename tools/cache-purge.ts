/**
 * `npm run cache -- purge`: says what it would remove, asks, purges, and follows the invalidation until everything is freed. Questions and
 * progress go to standard error, so that the answer on standard output can be read by a program.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { setTimeout as pause } from 'node:timers/promises';
import {
  CacheInvalidationDocument,
  InvalidateCacheDocument,
  type InvalidateCacheMutation,
  InvalidateDevicesDocument,
} from '../schema/operations.js';
import { type CacheClient, CommandError } from './cache-client.js';
import { count, counted, printable } from './cache-text.js';

type Invalidation = NonNullable<InvalidateCacheMutation['invalidateCache']>;
export type What = { readonly pattern: string } | { readonly ids: readonly string[] };

export interface PurgeOptions {
  readonly what: What;
  readonly json: boolean;
  /** Don't ask. */
  readonly yes: boolean;
}

const POLL_MS = 250;
/** A walk that frees nothing for so long has ended without telling, as when Redis is gone. */
const STANDSTILL_MS = 10_000;
const BAR_WIDTH = 30;

export async function purge(client: CacheClient, { what, json, yes }: PurgeOptions): Promise<number> {
  const matched = 'pattern' in what ? await dryRun(client, what.pattern) : null;
  if (!yes) await confirm(announce(what, matched));
  else if (!json) console.error(announce(what, matched));
  if ('pattern' in what) drawBar(0, matched);
  const begun = await ask(client, what);
  const invalidation = begun.status === 'APPLIED' && 'pattern' in what ? await follow(client, begun, matched) : begun;
  console.log(json ? JSON.stringify(invalidation) : describe(invalidation));
  return invalidation.status === 'APPLIED' ? 0 : 1;
}

async function dryRun(client: CacheClient, pattern: string): Promise<number | null> {
  const { invalidateCache } = await client.ask(InvalidateCacheDocument, { pattern, dryRun: true });
  return invalidateCache?.matched ?? null;
}

function announce(what: What, matched: number | null): string {
  if ('ids' in what) {
    const names = what.ids.slice(0, 5).join(', ') + (what.ids.length > 5 ? ', …' : '');
    return printable(`Everything known about ${counted(what.ids.length, 'device')}: ${names}; and all listings.`);
  }
  const keys =
    matched === null ? 'Keys that can not be counted now match' : `${counted(matched, 'key')} match${matched === 1 ? 'es' : ''}`;
  return printable(`${keys} ${what.pattern}; with them goes every answer that was built from them.`);
}

async function confirm(announcement: string): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new CommandError(
      `${announcement}\nThere is no terminal to ask on, so nothing was purged. Say --yes to purge without asking.`,
    );
  }
  console.error(announcement);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const left = once(terminal, 'close').then(() => '\n'); // a terminal that has gone leaves the question open
  const answered = terminal.question('Purge? [y/N] ').catch(() => '\n'); // Ctrl-C, Ctrl-D
  const answer = await Promise.race([answered, left]);
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError(`${answer === '\n' ? answer : ''}Nothing was purged.`);
}

async function ask(client: CacheClient, what: What): Promise<Invalidation> {
  const answer =
    'pattern' in what
      ? (await client.ask(InvalidateCacheDocument, { pattern: what.pattern })).invalidateCache
      : (await client.ask(InvalidateDevicesDocument, { ids: [...what.ids] })).invalidateDevices;
  if (!answer) throw new CommandError('The server answered without saying what became of the purge.');
  return answer;
}

/** Until the walk over the keys has ended: only then it is known how many matched. @param expected of the dry run. */
async function follow(client: CacheClient, begun: Invalidation, expected: number | null): Promise<Invalidation> {
  let current = begun;
  let movedAt = performance.now();
  while (current.matched === null && performance.now() - movedAt < STANDSTILL_MS) {
    drawBar(current.removed ?? 0, expected);
    await pause(POLL_MS);
    // That it can't be asked now says nothing about the purge, which is applied.
    const { cacheInvalidation } = await client
      .ask(CacheInvalidationDocument, { id: begun.id })
      .catch(() => ({ cacheInvalidation: current }));
    if (!cacheInvalidation) break;
    if (cacheInvalidation.removed !== current.removed) movedAt = performance.now();
    current = cacheInvalidation;
  }
  drawBar(current.removed ?? 0, current.matched ?? expected, '\n');
  return current;
}

function drawBar(removed: number, total: number | null, end = ''): void {
  if (!process.stderr.isTTY) return;
  const share = total === null || total === 0 ? 0 : Math.min(1, removed / total);
  const bar = '█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '░');
  process.stderr.write(`\r${bar} ${count(removed)} of ${total === null ? '?' : count(total)} freed${end}`);
}

function describe({ status, id, removed, matched, pods, elapsedMs, pattern }: Invalidation): string {
  if (status === 'PENDING') {
    return [
      'Pending: Redis did not take the purge. It is on record in the database, and no pod that lost Redis trusts the cache again before it',
      'is applied; until then those answer from the database. Bring Redis back: nothing else has to be done, and nothing asked again.',
      `Follow it with the query cacheInvalidation(id: "${id}").`,
    ].join('\n');
  }
  const reached = pods
    ? ` (${counted(pods.live, 'pod')}, ${counted(pods.expired, 'pod')} of them silent and without a lease)`
    : '';
  const applied = `Applied: no pod serves it any more${pods && pods.expired > 0 ? reached : ''}.`;
  if (pattern === null) return `${applied} It took ${count(elapsedMs)} ms.`;
  if (matched === null)
    return `${applied} ${counted(removed ?? 0, 'key')} freed so far; what is left takes room until it expires.`;
  return `${applied} ${counted(removed ?? 0, 'key')} freed in ${count(elapsedMs)} ms.`;
}
