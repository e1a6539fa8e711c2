/** `surrogate-key`: digests of what an answer depends on, by which a CDN purges it; they tell nobody anything. */
import { createHmac } from 'node:crypto';
import type { Agent } from 'node:http';
import { beforeAll, describe, expect, it } from 'vitest';
import { startServer, type ServerProcess } from '../harness/server.js';
import { type Exchange, exchange, get, keepAliveAgent, post } from './exchange.js';
import { callers, type Callers, gardenEnvironment, OWNER } from './garden.js';

const SECRET = 'the secret of digests';
const digest = (name: string) => createHmac('sha256', SECRET).update(name).digest('base64url').slice(0, 12);
const keysOf = (...names: string[]) => ['*', ...names].map(digest).sort().join(' ');

let server: ServerProcess;
let agent: Agent;
let who: Callers;
beforeAll(async () => {
  server = await startServer({ ...gardenEnvironment(), SURROGATE_KEYS: SECRET, PUBLIC_MAX_AGE_SECONDS: '60' });
  agent = keepAliveAgent();
  who = await callers();
});

const DEVICE = 'query D($id: ID!) { device(id: $id) { id } }';
const DEVICES = 'query D($ids: [ID!]!) { devices(ids: $ids) { id } }';
const ask = (id: string, headers: Record<string, string> = {}): Promise<Exchange> =>
  exchange(agent, server.url, get({ query: DEVICE, variables: JSON.stringify({ id }) }, headers));

it('names everything that the answer depends on, whether it was executed or stored, and with a 304', async () => {
  const expected = keysOf('device_meta:pub|Public', 'device:pub', `chain:${OWNER}|Public`);
  const answers = [await ask('pub|Public'), await ask('pub|Public'), await ask('pub|Public')];
  expect(answers.map(({ headers }) => headers['surrogate-key'])).toEqual([expected, expected, expected]);
  expect(answers.map(({ headers }) => headers['cache-control'])).toEqual(Array(3).fill('public, max-age=60, must-revalidate'));
  const again = await ask('pub|Public', { 'if-none-match': String(answers[0]?.headers.etag) });
  expect(again.status).toBe(304);
  expect(again.headers['surrogate-key']).toBe(expected);
});

it.each([
  ['hidden', 'priv|Private'],
  ['absent', 'none|None'],
  ['hidden behind a name', 'mix-1|Mix'],
])('has of a device that is %s what there is of an absent one', async (_kind, id) => {
  const expected = keysOf(`device_meta:${id}`, `device:${id.split('|')[0] ?? ''}`);
  for (let i = 0; i < 3; i++) expect((await ask(id)).headers['surrogate-key']).toBe(expected);
});

it('has of a hidden device beside others what there is of it as absent', async () => {
  const answer = await exchange(
    agent,
    server.url,
    get({ query: DEVICES, variables: JSON.stringify({ ids: ['pub', 'priv', 'none', 'mix-1'] }) }),
  );
  const absent = ['priv', 'none', 'mix-1'].flatMap((id) => [`device_meta:${id}`, `device:${id}`]);
  expect(answer.headers['surrogate-key']).toBe(keysOf('device_meta:pub', 'device:pub', `chain:${OWNER}|Public`, ...absent));
});

describe('there are none', () => {
  it('for callers with credentials, also where the answer is everyone’s', async () => {
    await ask('pub');
    for (const credentials of [who.owner, who.device]) {
      expect((await ask('pub', credentials)).headers['surrogate-key']).toBeUndefined();
    }
  });

  it('by POST, with errors, and on the landing page', async () => {
    expect(
      (await exchange(agent, server.url, post({ query: DEVICE, variables: { id: 'pub' } }))).headers['surrogate-key'],
    ).toBeUndefined();
    expect((await exchange(agent, server.url, get({ query: '{ nowhere }' }))).headers['surrogate-key']).toBeUndefined();
    const page = await fetch(`${server.url}/graphql`, { headers: { accept: 'text/html' } });
    expect(page.status).toBe(200);
    expect(page.headers.get('surrogate-key')).toBeNull();
  });

  it('where they would take more than 4 kB: then no CDN may keep the answer', async () => {
    const ids = Array.from({ length: 200 }, (_, i) => `nobody-${i}`);
    for (const status of ['fwd=miss', 'hit', 'hit']) {
      const { headers } = await exchange(agent, server.url, get({ query: DEVICES, variables: JSON.stringify({ ids }) }));
      expect(headers['cache-status']).toContain(status);
      expect(headers['surrogate-key']).toBeUndefined();
      expect(headers['cache-control']).toBe('public, max-age=0, must-revalidate');
    }
  });
});
