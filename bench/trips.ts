/**
 * What one request costs Redis and MongoDB, as they count it themselves: Redis in INFO commandstats; MongoDB by the headers of the
 * messages that it gets, since not every server that speaks its protocol keeps counters. Pipelined commands are counted as flights
 * by a proxy before Redis. Requests come one at a time; what an idle server does as well (syncs, pings) is left out.
 */
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { waitFor } from '../test/harness/wait.js';
import { ask, bodyFor } from './ask.js';
import { ids } from './fleet.js';
import { environment, type Parts, type Server, startServer } from './parts.js';
import { startProxy, watchMongoDb, watchRedisFlights } from './proxy.js';
import { type Aim, type Findings, number, type Row } from './report.js';
import { median } from './statistics.js';

const SIZES = [1, 100, 1_000] as const;
/** The size that the aims are about. */
const AIM_SIZE = 100;
/** Longer than a flight of 1,000 SETs takes to pass. */
const REPLY_DELAY_MS = 50;
const IDLE_MS = 1_500;
/** What this benchmark sends to Redis itself, and what the MongoDB driver sends every 10 s. */
const FOREIGN_COMMANDS = ['info', 'dbsize', 'hello', 'ismaster'];

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
  const flights = new Map<string, number>();
  const count = (counts: Map<string, number>) => (name: string) => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  };
  const redisProxy = await startProxy(parts.redisPort, () => watchRedisFlights(count(flights)), REPLY_DELAY_MS);
  const mongodbProxy =
    parts.mongodbPort === undefined ? undefined : await startProxy(parts.mongodbPort, () => watchMongoDb(count(queries)));
  const redis = new Redis(parts.redisPort);
  let server: Server | undefined;
  try {
    const env = environment(parts, { redisPort: redisProxy.port, mongodbPort: mongodbProxy?.port });
    server = await startServer(parts.cores, {
      env: { ...env, CACHE_PREFIX: 'trips:', CACHE_BUDGET_MS: '5000' },
      place: 'anywhere',
    });
    const { url } = server;

    const costsOf = async (work: () => Promise<unknown>): Promise<Costs> => {
      const before = await commandCalls(redis);
      flights.clear();
      queries.clear();
      await work();
      return { redis: difference(before, await commandCalls(redis)), flights: new Map(flights), mongodb: new Map(queries) };
    };
    await setTimeout(IDLE_MS); // what the first answer has caused is over
    const idle = await costsOf(() => setTimeout(IDLE_MS));
    const background = new Set([...FOREIGN_COMMANDS, ...idle.redis.keys(), ...idle.flights.keys(), ...idle.mongodb.keys()]);

    const findings: Findings[] = [];
    let next = 0;
    for (const size of SIZES) {
      const cold: Costs[] = [];
      const warm: Costs[] = [];
      for (let repeat = 0; repeat < repeats; repeat++) {
        const body = bodyFor(ids(next, size));
        next += size;
        const keysBefore = await redis.dbsize();
        cold.push(
          await costsOf(async () => {
            await ask(url, body);
            // Writing goes on after the answer. That it never comes is seen in the counts.
            await waitFor(async () => (await redis.dbsize()) >= keysBefore + size).catch(() => undefined);
          }),
        );
        warm.push(await costsOf(() => ask(url, body)));
      }
      findings.push(findingsOf('warm', size, middle(warm, background), mongodbProxy !== undefined));
      findings.push(findingsOf('cold', size, middle(cold, background), mongodbProxy !== undefined));
    }
    return {
      rows: findings.flatMap(({ rows }) => rows),
      aims: findings.flatMap(({ aims }) => aims),
      notes: [
        `Left out of the counts, because an idle server or this benchmark sends the same: ${[...background].sort().join(', ')}.`,
        ...(mongodbProxy === undefined ? ['Queries could not be counted: there is no MongoDB server.'] : []),
      ],
    };
  } finally {
    redis.disconnect();
    await server?.stop();
    redisProxy.close();
    mongodbProxy?.close();
  }
}

/** How often Redis has run each command since its start. */
async function commandCalls(redis: Redis): Promise<Counts> {
  const lines = (await redis.info('commandstats')).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
  return new Map([...lines].map(([, name = '', calls]) => [name, Number(calls)]));
}

function difference(before: Counts, after: Counts): Counts {
  const changes = [...after].map(([name, calls]) => [name, calls - (before.get(name) ?? 0)] as const);
  return new Map(changes.filter(([, calls]) => calls > 0));
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

function findingsOf(state: 'warm' | 'cold', size: number, costs: Costs, hasMongoDb: boolean): Findings {
  const { redis, flights, mongodb } = costs;
  const trips = [...redis].sort().map(([name, calls]) => {
    const inFlights = flights.get(name) ?? 0;
    return `${number(calls)} ${name}${calls === inFlights ? '' : ` in ${number(inFlights)} flight${inFlights === 1 ? '' : 's'}`}`;
  });
  const toRedis = trips.join(' + ') || 'none';
  const toMongoDb = [...mongodb].map(([name, calls]) => `${number(calls)} ${name}`).join(' + ') || 'none';
  const what = `${number(size)} ${size === 1 ? 'id' : 'ids'}, ${state}`;
  const rows: Row[] = [{ what: `${what}, commands to Redis`, figure: toRedis }];
  if (hasMongoDb) rows.push({ what: `${what}, queries to MongoDB`, figure: toMongoDb });
  if (size !== AIM_SIZE) return { rows, aims: [], notes: [] };

  const [writes, queries] = state === 'warm' ? [0, 0] : [1, 1];
  const isSum = (counts: Counts, sum: number) => [...counts.values()].reduce((a, b) => a + b, 0) === sum;
  const aims: Aim[] = [
    {
      what: `a ${state} batch of ${number(size)} costs 1 round trip to Redis${writes === 1 ? ' and 1 flight of writes' : ''}`,
      figure: toRedis,
      isMet: redis.get('mget') === 1 && (flights.get('set') ?? 0) === writes && isSum(flights, 1 + writes),
    },
  ];
  if (hasMongoDb) {
    aims.push({
      what: `a ${state} batch of ${number(size)} costs ${queries === 1 ? '1 query' : 'no query'} to MongoDB`,
      figure: toMongoDb,
      isMet: isSum(mongodb, queries),
    });
  }
  return { rows, aims, notes: [] };
}
