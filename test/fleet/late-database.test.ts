/** A pod that is started before its database. */
import { expect, it } from 'vitest';
import { describeWithMongoDb, startMongoDb } from '../harness/mongodb.js';
import { startServer } from '../harness/server.js';
import { startProxy } from '../harness/tcp-proxy.js';
import { waitFor } from '../harness/wait.js';

const QUERY = '{ device(id: "nobody") { id } }';

describeWithMongoDb('a pod that starts before its database', () => {
  it.each(['cut', 'blackhole'] as const)('uses it when it is there: %s at first', async (fault) => {
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
});
