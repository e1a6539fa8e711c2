/**
 * What one request costs Redis and MongoDB, as proxies before them count it: commands by name, and pipelined ones as flights. What a
 * script does inside Redis is no trip. Nothing fits into the pod's own memory, from which a warm request would cost neither anything.
 * Requests come one at a time; what an idle server does as well (syncs, pings) is left out.
 */
import { setTimeout } from 'node:timers/promises';
import { waitFor } from '../test/harness/wait.js';
import { ask, bodyFor } from './ask.js';
import { ids } from './fleet.js';
import { environment, type Parts, type Server, startServer } from './parts.js';
import { startProxy, watchMongoDb, watchRedis } from './proxy.js';
import { type Aim, type Findings, number, type Row } from './report.js';
import { median } from './statistics.js';

const SIZES = [1, 100, 1_000] as const;
/** The size that the aims are about. */
const AIM_SIZE = 100;
/** Longer than a flight of 1,000 SETs takes to pass. */
const REPLY_DELAY_MS = 50;
const IDLE_MS = 1_500;
/** Longer than a command waits for the reply before it. */
const SILENCE_MS = 6 * REPLY_DELAY_MS;
/** What connections begin with, and what the MongoDB driver sends every 10 s. */
const FOREIGN_COMMANDS = ['info', 'hello', 'ismaster'];

/** Looked into by an idle server too, every other second. */
const OUTBOX = 'CacheInvalidations';

type Counts = ReadonlyMap<string, number>;

/** What one request cost. */
interface Costs {
  /** Commands to Redis and to MongoDB, and flights to Redis, by name. */
  readonly redis: Counts;
  readonly flights: Counts;
  readonly mongodb: Counts;
}

/** @param repeats requests of each kind; the middle one is reported. */
export async function measureTrips(parts: Parts, repeats: number): Promise<Findings> {
  const queries = new Map<string, number>();
  const commands = new Map<string, number>();
  const flights = new Map<string, number>();
  const count = (counts: Map<string, number>) => (name: string) => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  };
  let background: ReadonlySet<string> = new Set();
  let lastCommandAt = 0;
  const countCommand = (name: string): void => {
    count(commands)(name);
    if (!background.has(name)) lastCommandAt = performance.now();
  };
  /** Writing goes on after the answer. */
  const silence = () => waitFor(() => performance.now() - lastCommandAt > SILENCE_MS, { describe: 'the last command' });
  const redisProxy = await startProxy(
    parts.redisPort,
    () => watchRedis({ onCommand: countCommand, onFlight: count(flights) }),
    REPLY_DELAY_MS,
  );
  const mongodbProxy =
    parts.mongodbPort === undefined
      ? undefined
      : await startProxy(parts.mongodbPort, () =>
          watchMongoDb((name, collection) => {
            if (collection !== OUTBOX) count(queries)(name);
          }),
        );
  let server: Server | undefined;
  try {
    const env = environment(parts, { redisPort: redisProxy.port, mongodbPort: mongodbProxy?.port });
    server = await startServer(parts.cores, {
      env: { ...env, CACHE_PREFIX: 'trips:', CACHE_BUDGET_MS: '5000', CACHE_L1_MAX_BYTES: '1' },
      place: 'anywhere',
    });
    const { url } = server;

    const costsOf = async (work: () => Promise<unknown>): Promise<Costs> => {
      commands.clear();
      flights.clear();
      queries.clear();
      await work();
      return { redis: new Map(commands), flights: new Map(flights), mongodb: new Map(queries) };
    };
    await setTimeout(IDLE_MS); // what the first answer has caused is over
    const idle = await costsOf(() => setTimeout(IDLE_MS));
    background = new Set([...FOREIGN_COMMANDS, ...idle.redis.keys(), ...idle.flights.keys(), ...idle.mongodb.keys()]);

    const findings: Findings[] = [];
    let next = 0;
    for (const size of SIZES) {
      const cold: Costs[] = [];
      const warm: Costs[] = [];
      for (let repeat = 0; repeat < repeats; repeat++) {
        const body = bodyFor(ids(next, size));
        next += size;
        const askAndSettle = async (): Promise<void> => {
          await ask(url, body);
          lastCommandAt = performance.now();
          await silence();
        };
        cold.push(await costsOf(askAndSettle));
        warm.push(await costsOf(askAndSettle));
      }
      findings.push(findingsOf('warm', size, middle(warm, background), mongodbProxy !== undefined));
      findings.push(findingsOf('cold', size, middle(cold, background), mongodbProxy !== undefined));
    }
    return {
      rows: findings.flatMap(({ rows }) => rows),
      aims: findings.flatMap(({ aims }) => aims),
      notes: [
        `Left out of the counts, because an idle server or this benchmark sends the same: ${[...new Set([...background].map(nameOf))].sort().join(', ')}.`,
        ...(mongodbProxy === undefined ? ['Queries could not be counted: there is no MongoDB server.'] : []),
      ],
    };
  } finally {
    await server?.stop();
    redisProxy.close();
    mongodbProxy?.close();
  }
}

/** The median of each count over the repeats. */
function middle(costs: readonly Costs[], background: ReadonlySet<string>): Costs {
  const medians = (countsOf: (costs: Costs) => Counts): Counts => {
    const names = new Set(costs.flatMap((one) => [...countsOf(one).keys()]).filter((name) => !background.has(name)));
    const middles = [...names].map((name) => [name, median(costs.map((one) => countsOf(one).get(name) ?? 0))] as const);
    return new Map(middles.filter(([, count]) => count > 0));
  };
  return {
    redis: medians(({ redis }) => redis),
    flights: medians(({ flights }) => flights),
    mongodb: medians(({ mongodb }) => mongodb),
  };
}

/** Without the digest of a script. */
function nameOf(command: string): string {
  return command.split(' ', 1)[0]!;
}

function findingsOf(state: 'warm' | 'cold', size: number, costs: Costs, hasMongoDb: boolean): Findings {
  const { redis, flights, mongodb } = costs;
  const trips = [...redis].sort().map(([name, calls]) => {
    const inFlights = flights.get(name) ?? 0;
    return `${number(calls)} ${nameOf(name)}${calls === inFlights ? '' : ` in ${number(inFlights)} flight${inFlights === 1 ? '' : 's'}`}`;
  });
  const toRedis = trips.join(' + ') || 'none';
  const toMongoDb = [...mongodb].map(([name, calls]) => `${number(calls)} ${name}`).join(' + ') || 'none';
  const what = `${number(size)} ${size === 1 ? 'id' : 'ids'}, ${state}`;
  const rows: Row[] = [{ what: `${what}, commands to Redis`, figure: toRedis }];
  if (hasMongoDb) rows.push({ what: `${what}, queries to MongoDB`, figure: toMongoDb });
  if (size !== AIM_SIZE) return { rows, aims: [], notes: [] };

  const sumOf = (counts: Counts, command: string) =>
    [...counts].reduce((sum, [name, calls]) => (nameOf(name) === command ? sum + calls : sum), 0);
  const isWarm = state === 'warm';
  const [scripts, writes, queries] = isWarm ? [0, 0, 0] : [2, 1, 1];
  const aims: Aim[] = [
    {
      what: `a ${state} batch of ${number(size)} costs 1 MGET${isWarm ? '' : ', 2 scripts that claim and release it, 1 flight of writes'}`,
      figure: toRedis,
      isMet:
        sumOf(redis, 'mget') === 1 &&
        sumOf(redis, 'evalsha') <= scripts &&
        sumOf(flights, 'set') === writes &&
        [...redis.keys()].every((name) => ['mget', 'evalsha', 'set'].includes(nameOf(name))),
    },
  ];
  if (hasMongoDb) {
    aims.push({
      what: `a ${state} batch of ${number(size)} costs ${queries === 1 ? '1 query' : 'no query'} to MongoDB`,
      figure: toMongoDb,
      isMet: [...mongodb.values()].reduce((sum, calls) => sum + calls, 0) === queries,
    });
  }
  return { rows, aims, notes: [] };
}
