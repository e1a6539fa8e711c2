/**
 * What a request leaves behind is freed by V8's collections of the young generation. A long-lived object that points at each request, or
 * response, for a moment is enough to have all of them kept until the next full collection, which nothing but the load shows. And bytes
 * outside V8's heap are enough to have it begin one full collection after the other.
 */
import { expect, it } from 'vitest';
import { describeWithMongoDb, startMongoDb } from '../harness/mongodb.js';
import { startRedis } from '../harness/redis.js';
import { startServer, type ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import { connectMongoDb, seedDevices } from '../promises/real-pods.js';
import { ask, startPod } from '../response-cache/answering-pods.js';

/** The environment of a server in which each collection prints what became of it, and SIGURG makes everything old that is alive. */
function traced(...flags: readonly string[]): Record<string, string> {
  const preload = `
    import { setFlagsFromString } from 'node:v8';
    import { runInNewContext } from 'node:vm';
    for (const flag of ${JSON.stringify(['--trace-gc', '--trace-gc-nvp', '--expose-gc', ...flags])}) setFlagsFromString(flag);
    const collect = runInNewContext('gc');
    process.on('SIGURG', () => { collect(); });
  `;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(preload)}`, LOG_LEVEL: 'warn' };
}

const CONNECTIONS = 16;
const REQUESTS = 6_000;
/** Of what was allocated. Below half of one is usual; with all that hangs on a response it is two to eight. */
const MAX_PERCENT_KEPT = 1.5;
/** In one answer, of some 60 kB. */
const DEVICES = 400;
/** More than are asked for in one turn, and so read once for all. */
const DIFFERENT = 2 * CONNECTIONS;
const MANY = 'query ($ids: [ID!]!) { devices(ids: $ids) { id deviceId name description visibility deviceIds } }';
const L2_HIT = 'hit; ttl=n; detail=l2';

/** Asks so many times, over several connections. */
async function load(askOnce: () => Promise<void>): Promise<void> {
  const one = async () => {
    for (let i = 0; i < REQUESTS / CONNECTIONS; i++) await askOnce();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
}

/** What V8 has printed of its collections while they were asked for. @param kind `s` for the young generation, `mc` for all. */
async function collectionsDuring(server: ServerProcess, kind: 's' | 'mc', action: () => Promise<void>): Promise<string[]> {
  const seen = server.stdout.length;
  await action();
  return server.stdout.slice(seen).filter((line) => line.includes(` gc=${kind} `));
}

it('is freed young, also after all that was alive at some moment has become old', async () => {
  const server = await startServer({ CACHE_RESPONSE_TTL_SECONDS: '0', ...traced() });
  const askOnce = async () => {
    const { status } = await server.graphql('query ($id: ID!) { device(id: $id) { id name } }', { id: 'greenhouse-7f3a' });
    expect(status).toBe(200);
  };
  await load(askOnce);
  const loading = load(askOnce);
  process.kill(server.pid, 'SIGURG');
  await loading;
  process.kill(server.pid, 'SIGURG');
  const collections = await collectionsDuring(server, 's', () => load(askOnce));
  const sumOf = (name: string) =>
    collections.reduce((sum, line) => sum + Number(new RegExp(` ${name}=(\\d+)`).exec(line)?.[1]), 0);
  expect(collections.length).toBeGreaterThan(5);
  expect((100 * sumOf('promoted')) / sumOf('allocated')).toBeLessThan(MAX_PERCENT_KEPT);
});

describeWithMongoDb('large answers out of Redis', () => {
  it('do not keep V8 collecting all of its heap', async () => {
    const [redis, mongodb] = await Promise.all([startRedis(), startMongoDb()]);
    await seedDevices(await connectMongoDb(mongodb), 2 * DEVICES);
    const ports = { redis: redis.port, mongodb: mongodb.port };
    const filling = await startPod(ports);
    // In place of a minute without requests, after which V8 is as sparing until the next ones have come for some time.
    const reading = await startPod(ports, { CACHE_L1_MAX_BYTES: '1', ...traced('--optimize-for-size') });
    const different = Array.from({ length: DIFFERENT }, (_, i) => ({
      ids: Array.from({ length: DEVICES }, (_, j) => `bed-${i + j}`),
    }));
    for (const variables of different) {
      for (let sight = 0; sight < 2; sight++) await ask(filling, MANY, variables);
      await waitFor(async () => (await ask(reading, MANY, variables)).status === L2_HIT);
    }
    let next = 0;
    const askOnce = async () => {
      expect((await ask(reading, MANY, different[next++ % DIFFERENT])).status).toBe(L2_HIT);
    };
    await load(askOnce);
    process.kill(reading.pid, 'SIGURG');
    const collections = await collectionsDuring(reading, 'mc', () => load(askOnce));
    expect(collections.length).toBeLessThan(10); // one is the signal's; it was 29
  });
});
