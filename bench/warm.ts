/**
 * Warm look-ups over HTTP: this server, the same server with one GET per id, and the same server without a cache, all over the same
 * Redis and database. In each round every variant gets the same requests, one variant after the other.
 */
import autocannon from 'autocannon';
import { Redis } from 'ioredis';
import { ask, bodyFor, HEADERS } from './ask.js';
import { ids } from './fleet.js';
import { environment, type Parts, type Server, startServer } from './parts.js';
import { cpuSeconds } from './processes.js';
import { type Findings, number, type Row } from './report.js';
import { median, spread } from './statistics.js';

const SIZES = [1, 100, 1_000] as const;
/** Different requests of each size, sent in turn. */
const BATCHES = 8;
const CONNECTIONS = 16;
/** Of the round that is thrown away; how many requests fill a window of the others is reckoned from it. */
const FIRST_AMOUNT = 4 * CONNECTIONS;
const SAMPLE_MS = 10;

const VARIANTS = [
  { name: 'this server' },
  { name: 'one GET per id', preload: new URL('./one-get-per-id.mjs', import.meta.url) },
  { name: 'no cache', preload: new URL('./no-cache.mjs', import.meta.url) },
] as const;

/** What one window of load gave. */
interface Window {
  readonly perSecond: number;
  /** Processor time of the server; undefined where it can't be told. */
  readonly cpuMs: number | undefined;
}

export interface WarmOptions {
  /** Not counting the first. */
  readonly rounds: number;
  readonly windowSeconds: number;
}

export async function measureWarm(parts: Parts, { rounds, windowSeconds }: WarmOptions): Promise<Findings> {
  const servers: Server[] = [];
  const redis = new Redis(parts.redisPort);
  try {
    for (const variant of VARIANTS) {
      servers.push(await startServer(parts.cores, { env: environment(parts), place: 'measured', ...variant }));
    }
    const rows: Row[] = [];
    for (const size of SIZES) {
      const bodies = Array.from({ length: BATCHES }, (_, i) => bodyFor(ids((i * size) % 4_000, size)));
      const lengths = await lengthsOfEqualAnswers(servers, bodies);
      const first = await roundOf(servers, bodies, lengths, () => FIRST_AMOUNT);
      const writesBefore = await writes(redis);
      const measured: Window[][] = [];
      for (let round = 0; round < rounds; round++) {
        const amount = (i: number) => Math.max(FIRST_AMOUNT, Math.round(first[i]!.perSecond * windowSeconds));
        measured.push(await roundOf(servers, bodies, lengths, amount));
      }
      if ((await writes(redis)) !== writesBefore)
        throw new Error('The cache was not warm: entries were written during the load.');
      rows.push(...rowsOf(`${number(size)} ${size === 1 ? 'id' : 'ids'}, warm`, measured));
    }
    return {
      rows,
      aims: [],
      notes: [`No cache: every request asks ${parts.database}, on the core beside; its speed is in that ratio.`],
    };
  } finally {
    redis.disconnect();
    for (const server of servers) await server.stop();
  }
}

/** Asks every variant for every batch, twice, so that the second answer comes from the cache. Returns the lengths that occur. */
async function lengthsOfEqualAnswers(servers: readonly Server[], bodies: readonly string[]): Promise<ReadonlySet<number>> {
  const lengths = new Set<number>();
  for (const body of bodies) {
    const answers: string[] = [];
    for (const server of [...servers, ...servers]) answers.push(await ask(server.url, body));
    if (new Set(answers).size > 1) throw new Error(`The variants don't answer alike to ${body.slice(0, 200)}`);
    if (answers[0]!.includes('null')) throw new Error(`A device is missing in ${answers[0]!.slice(0, 200)}`);
    lengths.add(answers[0]!.length);
  }
  return lengths;
}

async function roundOf(
  servers: readonly Server[],
  bodies: readonly string[],
  lengths: ReadonlySet<number>,
  amount: (i: number) => number,
): Promise<Window[]> {
  const windows: Window[] = [];
  for (const [i, server] of servers.entries()) windows.push(await load(server, bodies, lengths, amount(i)));
  return windows;
}

async function load(
  { url, pid }: Server,
  bodies: readonly string[],
  lengths: ReadonlySet<number>,
  amount: number,
): Promise<Window> {
  const cpuBefore = cpuSeconds(pid);
  const result = await autocannon({
    url,
    connections: CONNECTIONS,
    amount,
    sampleInt: SAMPLE_MS,
    requests: bodies.map((body) => ({ method: 'POST', headers: HEADERS, body })),
    verifyBody: (body) => lengths.has(body.length),
  });
  const cpuAfter = cpuSeconds(pid);
  const failed = result.errors + result.non2xx + result.mismatches;
  if (failed > 0) throw new Error(`${String(failed)} of ${String(amount)} requests failed.`);
  return {
    perSecond: result['2xx'] / result.duration,
    cpuMs: cpuBefore === undefined || cpuAfter === undefined ? undefined : (1_000 * (cpuAfter - cpuBefore)) / result['2xx'],
  };
}

/** SETs that Redis has run since its start. */
async function writes(redis: Redis): Promise<number> {
  return Number(/^cmdstat_set:calls=(\d+)/m.exec(await redis.info('commandstats'))?.[1] ?? 0);
}

function rowsOf(what: string, rounds: readonly (readonly Window[])[]): Row[] {
  const compare = (unit: string, figureOf: (window: Window) => number): Row[] =>
    VARIANTS.slice(1).map(({ name }, i) => ({
      what: `${what}, ${unit}`,
      figure: number(median(rounds.map(([ours]) => figureOf(ours!)))),
      against: { name, figure: number(median(rounds.map((round) => figureOf(round[i + 1]!)))) },
      ratio: spread(rounds.map((round) => figureOf(round[0]!) / figureOf(round[i + 1]!))),
    }));
  const hasCpu = rounds.flat().every(({ cpuMs }) => cpuMs !== undefined);
  return [
    ...compare('requests/s', ({ perSecond }) => perSecond),
    ...(hasCpu ? compare('server CPU ms/request', ({ cpuMs }) => cpuMs!) : []),
  ];
}
