/** When traces are sent, when nothing of them is even loaded, and that a collector that is away costs nobody anything. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { freePort } from '../harness/ports.js';
import { startServer } from '../harness/server.js';
import { startProxy } from '../harness/tcp-proxy.js';
import { waitFor } from '../harness/wait.js';
import { startCollector } from './collector.js';

const QUERY = '{ device(id: "greenhouse-7f3a") { id } }';
const LOST = 'traces are lost: the collector does not take them';
const INFO = 30;

describe('what is loaded', () => {
  let preload: string;

  beforeAll(() => {
    preload = join(inject('runDirectory'), 'loaded-modules.cjs');
    const code = `process.on('exit', () => require('node:fs').writeFileSync(process.env.LOADED, Object.keys(require.cache).join('\\n')));`;
    writeFileSync(preload, code);
  });

  /** The packages of OpenTelemetry that a server has loaded which has answered; without its API, which prom-client loads. */
  async function packagesOf(env: Record<string, string>): Promise<string[]> {
    const file = join(inject('runDirectory'), `loaded-${String(await freePort())}`);
    const server = await startServer({ ...env, NODE_OPTIONS: `--require ${preload}`, LOADED: file });
    for (let i = 0; i < 3; i++) expect((await server.graphql(QUERY)).status).toBe(200);
    expect(await server.stop()).toBe(0);
    const loaded = readFileSync(file, 'utf8');
    expect(loaded).toContain('node_modules/fastify');
    return [...new Set(loaded.match(/@opentelemetry\/(?!api\/)[\w-]+/g))];
  }

  it('is nothing of OpenTelemetry unless it is asked for', async () => {
    expect(await packagesOf({})).toEqual([]);
    const asked = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' };
    expect(await packagesOf({ ...asked, OTEL_SDK_DISABLED: 'true' })).toEqual([]);
    expect(await packagesOf({ ...asked, OTEL_TRACES_EXPORTER: 'none' })).toEqual([]);
  });

  it('is the SDK where it is', async () => {
    const { url } = await startCollector();
    expect(await packagesOf({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/traces` })).toContain(
      '@opentelemetry/sdk-trace-base',
    );
  });
});

it('has the trace in the line of the log, and sends what is left when the server stops', async () => {
  const collector = await startCollector();
  const server = await startServer({
    NODE_ENV: 'production',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '600000',
  });
  await server.graphql(QUERY, {}, { 'x-request-id': 'request-1' });
  expect(await server.stop()).toBe(0);
  const { traceId } = server.logs().find(({ requestId }) => requestId === 'request-1') as { traceId: string };
  const spans = await collector.trace(traceId);
  expect(spans.map(({ name }) => name)).toEqual(['cache device_meta', 'query', 'POST /graphql']);
  expect(spans.at(-1)).toMatchObject({ parentId: undefined, attributes: { 'opensensor.request_id': 'request-1' } });
});

it('prints spans where that is asked for', async () => {
  const server = await startServer({ OTEL_TRACES_EXPORTER: 'console', NODE_ENV: 'production' });
  await server.graphql(QUERY);
  await waitFor(() => server.stdout.some((line) => line.includes(`name: 'POST /graphql'`)));
});

describe('a collector that is away', () => {
  const batches = { NODE_ENV: 'production', OTEL_BSP_SCHEDULE_DELAY: '5', OTEL_EXPORTER_OTLP_TIMEOUT: '500' };

  it('loses traces, is said to do so once, and is found when it is back', async () => {
    const collector = await startCollector();
    const proxy = await startProxy(collector.port);
    await proxy.cut();
    const server = await startServer({ ...batches, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${String(proxy.port)}` });
    const count = (text: string) => server.logs().filter(({ msg }) => msg === text).length;
    const queryUntil = (condition: () => boolean) =>
      waitFor(async () => {
        expect((await server.graphql(QUERY)).body.errors).toBeUndefined();
        return condition();
      });
    await queryUntil(() => count(LOST) > 0);
    collector.refuse(true);
    await proxy.heal();
    await queryUntil(() => collector.refused >= 5);
    expect(count(LOST)).toBe(1);
    expect(server.logs().filter(({ level }) => Number(level) > INFO)).toHaveLength(1);
    collector.refuse(false);
    await queryUntil(() => collector.bodies.length > 0 && count('traces are sent again') === 1);
  });

  it('keeps neither requests nor the end waiting when it is silent', async () => {
    const collector = await startCollector();
    const proxy = await startProxy(collector.port);
    proxy.blackhole();
    const url = `http://127.0.0.1:${String(proxy.port)}`;
    const server = await startServer({ ...batches, OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_TIMEOUT: '60000' });
    await waitFor(async () => {
      const sentAt = performance.now();
      expect((await server.graphql(QUERY)).body.errors).toBeUndefined();
      expect(performance.now() - sentAt).toBeLessThan(1_000);
      return proxy.struck > 0;
    });
    const stoppedAt = performance.now();
    expect(await server.stop()).toBe(0);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    expect(server.logs().some(({ msg }) => msg === 'the last traces were not sent')).toBe(true);
  });
});
