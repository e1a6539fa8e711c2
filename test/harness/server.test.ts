import { expect, it } from 'vitest';
import { expectInvariants } from './invariants.js';
import { runServerToItsEnd, startServer } from './server.js';

it('starts the demo, is asked, frozen, thawed and stopped', async () => {
  const server = await startServer();
  expect(await server.graphql('{ __typename }')).toMatchObject({ status: 200, body: { data: { __typename: 'Query' } } });
  const authorization = `Bearer ${server.demoToken('grower')}`;
  const viewer = await server.graphql('{ viewer { kind } }', {}, { authorization });
  expect(viewer.body.data).toEqual({ viewer: { kind: 'USER' } });

  await server.pause();
  await expect(fetch(`${server.url}/livez`, { signal: AbortSignal.timeout(300) })).rejects.toThrow(/timeout/);
  server.resume();
  expect((await fetch(`${server.url}/livez`)).status).toBe(200);

  expect(await server.stop()).toBe(0);
  await expectInvariants({ servers: [server] });
});

it('has the log as objects in production', async () => {
  const server = await startServer({ NODE_ENV: 'production' });
  await server.graphql('{ __typename }', {}, { 'x-request-id': 'from-the-test' });
  await server.stop();
  expect(server.logs().some((line) => line.requestId === 'from-the-test')).toBe(true);
});

it('shows why a server did not start', async () => {
  const server = await runServerToItsEnd({ CACHE_BUDGET_MS: 'soon' });
  expect(server.exitCode).toBeGreaterThan(0);
  expect([...server.stdout, ...server.stderr].join('\n')).toMatch(/CACHE_BUDGET_MS/);
  await expect(startServer({ CACHE_BUDGET_MS: 'soon' })).rejects.toThrow(/CACHE_BUDGET_MS/);
});
