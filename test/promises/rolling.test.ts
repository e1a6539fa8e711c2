/**
 * A rolling update of four pods behind a load balancer, with the delays and probes of the Kubernetes manifests, while clients read, change
 * and purge: no request fails, nothing stale is read, and the cache stays warm.
 */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { describeWithMongoDb, startMongoDb } from '../harness/mongodb.js';
import { startRedis } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { startServer, type ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import { PREFIX } from './fleet/fleet.js';
import { Recorder } from './recorder.js';
import { LoadBalancer, type Backend, type Probe } from './rolling/load-balancer.js';
import { WarmReaders } from './rolling/warm-readers.js';
import { readEverything, valuesInDatabase, watchMachine } from './run.js';
import { Api, JWT_SECRET } from './workload/api.js';
import { Client } from './workload/client.js';
import { Database } from './workload/database.js';
import { Follower } from './workload/follower.js';
import { Random } from './workload/random.js';
import { World } from './workload/world.js';

const PODS = 4;
/** Clients that change and purge; each asks one thing after the other. */
const CLIENTS = 3;
/** Requests of warm readers that are looked at after each step. */
const REQUESTS_OF_A_STEP = 200;
const LEAST_HIT_RATIO = 0.8;

/** The probe and the delay that the manifests give a pod. */
function manifest(): { probe: Probe; delaySeconds: number } {
  const { spec } = parse(readFileSync('k8s/base/deployment.yaml', 'utf8'));
  const [{ readinessProbe, env }] = spec.template.spec.containers;
  const delay = env.find(({ name }: { name: string }) => name === 'SHUTDOWN_DELAY_SECONDS');
  return { probe: { ...readinessProbe, path: readinessProbe.httpGet.path }, delaySeconds: Number(delay.value) };
}

interface Pod {
  readonly server: ServerProcess;
  readonly backend: Backend;
}

describeWithMongoDb('four pods that are replaced one by one under load', () => {
  it('lose no request, show nothing stale, and keep the cache warm', { timeout: 150_000 }, async () => {
    const { probe, delaySeconds } = manifest();
    // Else a pod could be gone before it was taken out.
    expect(probe.failureThreshold * (probe.periodSeconds + probe.timeoutSeconds)).toBeLessThanOrEqual(delaySeconds);
    const [redis, mongodb, balancer] = await Promise.all([startRedis(), startMongoDb(), LoadBalancer.start(probe)]);
    const environment = {
      NODE_ENV: 'test',
      LOG_LEVEL: 'warn',
      REDIS_URL: redis.url,
      MONGODB_URL: mongodb.url,
      CACHE_PREFIX: PREFIX,
      JWT_SECRET,
      SHUTDOWN_DELAY_SECONDS: String(delaySeconds),
      // Nothing expires meanwhile: what is missed was lost.
      CACHE_TTL_SECONDS: '1000',
      CACHE_RESPONSE_TTL_SECONDS: '1000',
    };
    const startPod = async (name: string): Promise<Pod> => {
      const server = await startServer({ ...environment, POD_NAME: name }, { until: '/livez' });
      const backend = await balancer.add(name, server.url);
      await waitFor(() => backend.isReady, { timeoutMs: 30_000, describe: `${name} to be ready` });
      return { server, backend };
    };
    const old = await Promise.all(Array.from({ length: PODS }, (_, number) => startPod(`old-${number}`)));

    const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
    console.log(`seed ${seed}`);
    const random = new Random(seed);
    const recorder = new Recorder();
    const watch = watchMachine(recorder);
    track({ name: 'watch over this machine', close: () => Promise.resolve(clearInterval(watch)) });
    const [api, database] = [new Api(), new Database(mongodb.url)];
    track({ name: 'clients of the pods', close: () => Promise.resolve(api.close()) });
    track({ name: 'client of MongoDB', close: () => database.close() });
    const service = { name: 'the service', url: balancer.url, isUp: () => true };
    const world = await World.create({ api, database, recorder, targets: [service] }, random.fork('world'));
    const readers = await WarmReaders.start({ api, database, url: balancer.url });
    const phase = { isOver: false, isSettled: false };
    const follower = new Follower(world, random.fork('follower'));
    const following = follower.run(() => phase.isSettled);
    const clients = world.owners
      .slice(0, CLIENTS)
      .map((owner, number) => new Client(world, owner, follower, random.fork(`client ${number}`), { purgesAll: false }));
    const working = clients.map((client) => client.run(() => phase.isOver));

    /** Lets readers ask for a while, whose answers count as this step's. */
    const step = async (name: string) => {
      const tally = readers.begin(name);
      await waitFor(() => tally.requests >= REQUESTS_OF_A_STEP, { timeoutMs: 30_000, describe: 'readers to be answered' });
    };
    const leaving: Promise<number | null>[] = [];
    const fresh: Pod[] = [];
    await step('before');
    for (const [number, { server, backend }] of old.entries()) {
      readers.begin(`while new-${number} starts`);
      const next = await startPod(`new-${number}`);
      fresh.push(next);
      await step(`new-${number} is there`);
      expect(next.backend.requests).toBeGreaterThan(0);
      const requestsBefore = backend.requests;
      leaving.push(server.stop());
      await step(`old-${number} goes`);
      // It is still asked, because nobody has noticed yet, and answers.
      expect(backend.requests).toBeGreaterThan(requestsBefore);
    }
    readers.begin('the last ones go');
    expect(await Promise.all(leaving)).toEqual(Array(PODS).fill(0));
    await step('after');

    phase.isOver = true;
    await Promise.all(working);
    await readers.stop();
    await waitFor(() => follower.open === 0, { timeoutMs: 10_000 });
    phase.isSettled = true;
    await following;
    await readEverything(world, [service]);
    recorder.add({ type: 'ended', at: performance.now(), values: await valuesInDatabase(world), statuses: [] });

    await Promise.all(fresh.map(({ server }) => server.kill())); // each would take the delay to stop

    const { counts, violations, applied } = recorder;
    const hits = [...readers.tallies].map(([name, tally]) => `${name}: ${tally.toString()}`);
    console.log(`${counts.requests} requests, ${applied} applied, ${counts.pending} pending; warm hits\n  ${hits.join('\n  ')}`);
    expect(violations.map(({ kind, message }) => `${kind}: ${message}`)).toEqual([]);
    expect([...balancer.problems, ...readers.problems]).toEqual([]);
    expect(counts.failed).toBe(0);
    expect(counts.reads).toBeGreaterThan(5_000);
    expect(applied).toBeGreaterThan(50);
    expect(old.map(({ backend }) => backend.isReady)).toEqual(Array(PODS).fill(false));
    for (const [name, tally] of readers.tallies) expect(tally.hitRatio, name).toBeGreaterThan(LEAST_HIT_RATIO);
  });
});
