/**
 * Warm look-ups in Redis over HTTP: this server, whose own memory holds nothing; the same with one GET per id; the same without a cache.
 * All over the same Redis and database. In each round every variant gets the same requests, one variant after the other.
 */
import { Redis } from 'ioredis';
import { ask, bodyFor } from './ask.js';
import { ids } from './fleet.js';
import { type Load, loadServer, type Window } from './load.js';
import { environment, type Parts, type Server, startServer } from './parts.js';
import { type Findings, number, type Row } from './report.js';
import { median, spread } from './statistics.js';

/** Ids in a request, and connections that send such requests: enough to keep one core busy. */
const SIZES = [
  { size: 1, connections: 16 },
  { size: 100, connections: 8 },
  { size: 1_000, connections: 2 },
] as const;
/** Different requests of each size, sent in turn. */
const BATCHES = 8;
/** Of each connection, in a window; as few as that only where a variant is very slow. */
const LEAST_REQUESTS = 2;

const VARIANTS = [
  { name: 'this server' },
  { name: 'one GET per id', preload: new URL('./one-get-per-id.mjs', import.meta.url) },
  { name: 'no cache', preload: new URL('./no-cache.mjs', import.meta.url) },
] as const;

export interface WarmOptions {
  /** Not counting the first. */
  readonly rounds: number;
  readonly windowSeconds: number;
  /** At least so long is each variant under load before it is measured. */
  readonly warmUpSeconds: number;
}

export async function measureWarm(parts: Parts, options: WarmOptions): Promise<Findings> {
  const servers: Server[] = [];
  const redis = new Redis(parts.redisPort);
  const rows: Row[] = [];
  const notes = [
    `No cache: every request asks ${parts.database}, on the core beside; that ratio is as much about the database as about the cache.`,
  ];
  try {
    // Long enough for 1,000 GETs on a busy machine: a variant that gives up on Redis asks the database, which is another comparison.
    const env = { ...environment(parts), CACHE_BUDGET_MS: '2000', CACHE_L1_MAX_BYTES: '1' };
    for (const variant of VARIANTS) servers.push(await startServer(parts.cores, { env, place: 'measured', ...variant }));
    for (const { size, connections } of SIZES) {
      const what = `${number(size)} ${size === 1 ? 'id' : 'ids'}, warm`;
      const bodies = Array.from({ length: BATCHES }, (_, i) => bodyFor(ids(i * size, size)));
      const lengths = await lengthsOfEqualAnswers(servers, bodies);
      const load = { connections, bodies, lengths };
      const amounts: number[] = [];
      for (const server of servers) amounts.push(await amountFor(server, load, options));
      const writes = VARIANTS.map(() => 0);
      const measured: Window[][] = [];
      for (let round = 0; round < options.rounds; round++) {
        const windows: Window[] = [];
        for (const i of inTurn(round)) {
          const before = await countWrites(redis);
          windows[i] = await loadServer(servers[i]!, { ...load, amount: amounts[i]! });
          writes[i]! += (await countWrites(redis)) - before;
        }
        measured.push(windows);
      }
      for (const [i, { name }] of VARIANTS.entries()) {
        if (writes[i]! > 0)
          notes.push(`${what}, ${name}: not always from the cache; ${number(writes[i]!)} entries were loaded again.`);
      }
      rows.push(...rowsOf(what, measured));
    }
    return { rows, aims: [], notes };
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
    const [answer = ''] = answers;
    if (new Set(answers).size > 1) throw new Error(`The variants don't answer alike to ${body.slice(0, 200)}`);
    if (answer.includes('null')) throw new Error(`A device is missing in ${answer.slice(0, 200)}`);
    lengths.add(answer.length);
  }
  return lengths;
}

/**
 * How many requests fill a window, as the last of several loads says, which together are the round that is thrown away: for some
 * seconds a new process becomes faster with every request.
 */
async function amountFor(server: Server, load: Omit<Load, 'amount'>, options: WarmOptions): Promise<number> {
  const least = LEAST_REQUESTS * load.connections;
  let amount = least;
  for (let seconds = 0; seconds < options.warmUpSeconds;) {
    const { perSecond } = await loadServer(server, { ...load, amount });
    seconds += amount / perSecond;
    amount = Math.max(least, Math.min(Math.ceil(perSecond * options.windowSeconds), 8 * amount));
  }
  return amount;
}

/** The variants, each round beginning with another. */
function inTurn(round: number): number[] {
  return VARIANTS.map((_, i) => (i + round) % VARIANTS.length);
}

/** SETs that Redis has run since its start. */
async function countWrites(redis: Redis): Promise<number> {
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
