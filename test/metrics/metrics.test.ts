import { expect, it } from 'vitest';
import { METRICS } from '../../src/metrics/catalogue.js';
import { startRedis } from '../harness/redis.js';
import { startServer, type ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';

/** Every sample by its name and labels as they are written, `opensensor_cache_loads_total{namespace="device_meta"}`. */
async function scrape(server: ServerProcess): Promise<{ samples: Map<string, number>; text: string }> {
  const response = await fetch(`${server.url}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return {
    text,
    samples: new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))])),
  };
}

const lookups = (result: string) => `opensensor_cache_lookups_total{namespace="device_meta",result="${result}"}`;

it('show every metric of the catalogue, with its kind and its help, and nothing that is not in it', async () => {
  const server = await startServer();
  await fetch(`${server.url}/livez`);
  const { text } = await scrape(server);
  const shown = [...text.matchAll(/^# TYPE (opensensor_\S+) (\S+)$/gm)].map(([, name, kind]) => `${name!} ${kind!}`);
  expect(shown.sort()).toEqual(
    Object.values(METRICS)
      .map(({ name, kind }) => `${name} ${kind}`)
      .sort(),
  );
  for (const { name, help } of Object.values(METRICS)) expect(text).toContain(`# HELP ${name} ${help}`);
  expect(text).toContain('process_cpu_seconds_total');
});

it('count what cacheStats counts, exactly', async () => {
  const redis = await startRedis();
  const server = await startServer({ REDIS_URL: redis.url, CACHE_RESPONSE_TTL_SECONDS: '0' });
  const admin = { authorization: `Bearer ${server.demoToken('admin')}` };
  const ids = Array.from({ length: 100 }, (_, i) => `unknown-${i}`);
  for (let i = 0; i < 2; i++) {
    await server.graphql('query ($ids: [ID!]!) { devices(ids: $ids) { id } }', { ids });
  }
  await server.graphql('mutation { invalidateCache(pattern: "device_meta:*") { status } }', {}, admin);
  await server.graphql('mutation { invalidateCache(pattern: "*", dryRun: true) { status } }', {}, admin);

  const { samples } = await scrape(server);
  expect(samples.get(lookups('miss'))).toBe(100);
  expect(samples.get(lookups('l1'))).toBe(100);
  expect(samples.get('opensensor_cache_loads_total{namespace="device_meta"}')).toBe(100);
  expect(samples.get('opensensor_cache_invalidations_total{status="APPLIED"}')).toBe(1);
  expect(samples.get('opensensor_cache_invalidations_total{status="DRY_RUN"}')).toBe(1);
  expect(samples.get('opensensor_cache_invalidation_seconds_count')).toBe(1);
  expect(samples.get('opensensor_cache_lease_held')).toBe(1);
  expect(samples.get('opensensor_cache_breaker_open')).toBe(0);
  expect(samples.get('opensensor_http_request_seconds_count{route="/graphql",status="200"}')).toBe(4);
  const { body } = await server.graphql('{ cacheStats { namespaces { name misses l1Hits } pods { l1Bytes } } }', {}, admin);
  expect(body.data?.cacheStats.namespaces).toContainEqual({ name: 'device_meta', misses: 100, l1Hits: 100 });
  expect(body.data?.cacheStats.pods[0].l1Bytes).toBe((await scrape(server)).samples.get('opensensor_cache_l1_bytes'));
});

it('tell of a Redis that is frozen, at once and without asking it', async () => {
  const redis = await startRedis();
  const server = await startServer({ REDIS_URL: redis.url });
  const admin = { authorization: `Bearer ${server.demoToken('admin')}` };
  const grower = { authorization: `Bearer ${server.demoToken('grower')}` };
  await redis.pause();
  await waitFor(async () => (await scrape(server)).samples.get('opensensor_cache_lease_held') === 0);
  const pending = await server.graphql(
    'mutation { registerDevice(input: { deviceId: "metered", name: "Metered" }) { invalidation { status } } }',
    {},
    grower,
  );
  expect(pending.body.data?.registerDevice.invalidation.status).toBe('PENDING');
  expect((await server.graphql('mutation { clearCache { status } }', {}, admin)).body.errors?.[0]?.extensions.code).toBe(
    'CACHE_UNAVAILABLE',
  );
  await waitFor(async () => {
    const startedAt = performance.now();
    const { samples } = await scrape(server);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    return samples.get('opensensor_cache_invalidations_pending') === 1;
  });
  const { samples } = await scrape(server);
  expect(samples.get('opensensor_cache_breaker_open')).toBe(1);
  expect(samples.get('opensensor_cache_errors_total{operation="sync"}')).toBeGreaterThan(0);
  expect(samples.get('opensensor_cache_errors_total{operation="append"}')).toBeGreaterThan(0);
  redis.resume();
  await waitFor(async () => (await scrape(server)).samples.get('opensensor_cache_invalidations_pending') === 0);
});

it('name routes, never paths as they were sent', async () => {
  const server = await startServer();
  for (const path of ['/metrics/../secret-path', '/secret-path?token=abc', '/graphql/secret-path'])
    await fetch(server.url + path);
  const { text, samples } = await scrape(server);
  expect(text).not.toContain('secret');
  expect(samples.get('opensensor_http_request_seconds_count{route="none",status="404"}')).toBe(3);
});
