/** `npm run cache -- watch`: a line every two seconds of what has happened since the last one, until it is told to end. */
import { setTimeout as pause } from 'node:timers/promises';
import { type CacheClient, CommandError } from './cache-client.js';
import { askStats, type Stats } from './cache-show.js';
import { count, percent, printable } from './cache-text.js';

const INTERVAL_MS = 2_000;
const LINES_PER_HEAD = 20;
const WIDTHS = [8, 9, 9, 10, 9, 7, 4, 5] as const;
const HEAD = ['time', 'status', 'hit ratio', 'requests/s', 'loads/s', 'pending', 'pods', 'lease'];

/** Asking for the statistics is itself a request, which no cache answers. */
const OWN_REQUESTS = 1;

/** Sums over all pods since each of them started. */
interface Sums {
  readonly hits: number;
  readonly misses: number;
  /** Of keys from the database. */
  readonly loads: number;
  /** Answers that were looked up as a whole: one for each request that may be cached. */
  readonly requests: number;
}

export async function watch(client: CacheClient, { json }: { readonly json: boolean }): Promise<number> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      stop.abort();
    });
  }
  let [before, beforeAt] = [sumsOf(await askStats(client)), performance.now()];
  for (let line = 0; await nextTurn(stop.signal); line++) {
    try {
      const stats = await askStats(client);
      const [sums, at] = [sumsOf(stats), performance.now()];
      const figures = since(before, sums, (at - beforeAt) / 1000);
      [before, beforeAt] = [sums, at];
      if (!json && line % LINES_PER_HEAD === 0) console.log(aligned(HEAD));
      console.log(json ? JSON.stringify(toJson(stats, figures)) : toLine(stats, figures));
    } catch (error) {
      if (!(error instanceof CommandError) || !error.passes) throw error;
      console.error(printable(error.message)); // and asked again, as long as somebody watches
    }
  }
  return 0;
}

/** False when it is to end. */
async function nextTurn(signal: AbortSignal): Promise<boolean> {
  await pause(INTERVAL_MS, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}

function sumsOf({ namespaces }: Stats): Sums {
  const sum = (each: (stats: Stats['namespaces'][number]) => number): number =>
    namespaces.reduce((total, one) => total + each(one), 0);
  return {
    hits: sum(({ hits }) => hits),
    misses: sum(({ misses }) => misses),
    loads: sum(({ name, loads }) => (name === 'response' ? 0 : loads)),
    requests: sum(({ name, hits, misses, bypassed }) => (name === 'response' ? hits + misses + bypassed : 0)),
  };
}

interface Figures {
  readonly hitRatio: number | null;
  readonly requestsPerSecond: number;
  readonly loadsPerSecond: number;
}

/** A pod that has gone took its counts along, so a sum may be smaller than before. */
function since(before: Sums, now: Sums, seconds: number): Figures {
  const more = (counter: keyof Sums, own = 0): number => Math.max(0, now[counter] - before[counter] - own);
  const lookups = more('hits') + more('misses', OWN_REQUESTS);
  return {
    hitRatio: lookups === 0 ? null : more('hits') / lookups,
    requestsPerSecond: more('requests', OWN_REQUESTS) / seconds,
    loadsPerSecond: more('loads') / seconds,
  };
}

function toJson({ status, complete, pods, pendingInvalidations }: Stats, figures: Figures): object {
  const leases = pods.filter(({ leaseHeld }) => leaseHeld).length;
  return { at: new Date(), status, complete, ...figures, pending: pendingInvalidations.length, pods: pods.length, leases };
}

function toLine({ status, complete, pods, pendingInvalidations }: Stats, figures: Figures): string {
  const leases = pods.filter(({ leaseHeld }) => leaseHeld).length;
  const cells = [
    new Date().toTimeString().slice(0, 8),
    status.toLowerCase(),
    percent(figures.hitRatio),
    count(figures.requestsPerSecond),
    count(figures.loadsPerSecond),
    count(pendingInvalidations.length),
    count(pods.length),
    `${leases}/${pods.length}`,
  ];
  return aligned(cells) + (complete ? '' : '  not every pod answered');
}

function aligned(cells: readonly string[]): string {
  return cells.map((cell, i) => (i < 2 ? cell.padEnd(WIDTHS[i] ?? 0) : cell.padStart(WIDTHS[i] ?? 0))).join('  ');
}
