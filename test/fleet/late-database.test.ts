/** A pod that is started before its database, or loses it. */
import { expect, it } from 'vitest';
import { describeWithMongoDb, startMongoDb } from '../harness/mongodb.js';
import { startServer } from '../harness/server.js';
import { startProxy } from '../harness/tcp-proxy.js';
import { waitFor } from '../harness/wait.js';

const QUERY = '{ device(id: "nobody") { id } }';

describeWithMongoDb('a pod whose database comes or goes', () => {
  it.each(['cut', 'blackhole'] as const)('that starts before it uses it when it is there: %s at first', async (fault) => {
    const mongodb = await startMongoDb();
    const proxy = await startProxy(mongodb.port);
    await proxy[fault]();
    const pod = await startServer(
      {
        MONGODB_URL: `mongodb://127.0.0.1:${proxy.port}`,
        JWT_SECRET: 'a secret of these tests, 32 bytes or more',
        NODE_ENV: 'test',
      },
      { until: '/livez' },
    );
    // Long enough for the driver to have given its first attempt up.
    const startedAt = performance.now();
    await waitFor(
      async () => {
        const { body } = await pod.graphql(QUERY);
        expect(body.errors?.[0]?.extensions.code).toBe('DATABASE_UNAVAILABLE');
        return performance.now() - startedAt > 2_500;
      },
      { timeoutMs: 10_000 },
    );
    expect((await fetch(`${pod.url}/readyz`)).status).toBe(503);
    await proxy.heal();
    await waitFor(async () => (await fetch(`${pod.url}/readyz`)).status === 200, { timeoutMs: 10_000 });
    expect((await pod.graphql(QUERY)).body).toEqual({ data: { device: null } });
  });

  it('says when it has lost it, when it is back, and nothing of it when it stops', async () => {
    const mongodb = await startMongoDb();
    const pod = await startServer({
      MONGODB_URL: mongodb.url,
      JWT_SECRET: 'a secret of these tests, 32 bytes or more',
      NODE_ENV: 'test',
    });
    const found = 'INFO: the database can be asked';
    const lost = 'WARN: the database can not be asked: what is not cached fails, and so do changes';
    const said = () =>
      pod.stdout.filter((line) => /the database can/.test(line)).map((line) => line.slice(line.indexOf('] ') + 2));
    expect(said()).toEqual([found]);
    await mongodb.kill();
    await waitFor(() => said().length === 2, { timeoutMs: 20_000 });
    await mongodb.restart();
    await waitFor(() => said().length === 3, { timeoutMs: 20_000 });
    expect(await pod.stop()).toBe(0);
    expect(said()).toEqual([found, lost, found]);
  });
});
