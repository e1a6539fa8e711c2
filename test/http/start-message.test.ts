/** What the start prints, and that its commands work as printed. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { startApp } from '../../src/app.js';
import { signDemoTokens } from '../../src/auth/demo-tokens.js';
import { loadConfig } from '../../src/config.js';
import { DEMO_USERS } from '../../src/devices/demo-fleet.js';
import { createLogger } from '../../src/log.js';
import { startMessage } from '../../src/start-message.js';
import { track } from '../harness/registry.js';

const tokens = { admin: 'token-a', grower: 'token-g', service: 'token-s' };

function messageFor(env: Record<string, string>): string {
  const config = loadConfig(env);
  return startMessage({ config, url: 'http://localhost:4000', tokens: config.auth.kind === 'demo' ? tokens : undefined });
}

describe('with nothing configured', () => {
  const message = messageFor({});

  it('says where it is and what is embedded, a line each', () => {
    expect(message).toMatch(/http:\/\/localhost:4000\/graphql/);
    expect(message.match(/^store: .*$/gm)).toEqual([expect.stringMatching(/embedded.*MONGODB_URL/)]);
    expect(message.match(/^cache: .*$/gm)).toEqual([expect.stringMatching(/embedded.*REDIS_URL/)]);
  });

  it('shows the demo tokens, a line each', () => {
    const lines = message.split('\n');
    for (const line of ['admin: token-a', 'grower: token-g', 'service: token-s']) expect(lines).toContain(line);
  });

  it('has three commands', () => {
    expect(message.match(/^curl .*$/gm)).toHaveLength(3);
  });
});

it('refuses bearer tokens aloud', () => {
  const message = messageFor({ NODE_ENV: 'production' });
  expect(message).toMatch(/^bearer tokens: refused.*OIDC_ISSUER/m);
  expect(message).not.toMatch(/^(admin|grower|service): /m);
  expect(message).not.toContain('invalidateCache');
});

it('shows no connection string and no secret', () => {
  const message = messageFor({
    MONGODB_URL: 'mongodb://user:hunter2@10.0.0.7/x',
    MONGODB_DATABASE: 'growers',
    REDIS_URL: 'redis://:hunter2@10.0.0.8',
    CACHE_PREFIX: 'mine:',
    JWT_SECRET: 'hunter2'.repeat(6),
  });
  expect(message).not.toMatch(/hunter2|10\.0\.0/);
  expect(message).toMatch(/^store: MongoDB, database growers$/m);
  expect(message).toMatch(/^cache: Redis, under the prefix mine:$/m);
  expect(message).toContain('-H "authorization: Bearer $TOKEN"');
});

it('shows the random prefix of an embedded store beside a Redis', () => {
  const config = loadConfig({ REDIS_URL: 'redis://localhost' });
  expect(startMessage({ config, url: 'http://a', tokens })).toContain(`under the prefix ${config.cache.prefix}\n`);
});

it('prints commands that work when pasted', async () => {
  const config = loadConfig({ PORT: '0', HOST: '127.0.0.1' });
  const app = await startApp(config, createLogger({ production: true, logLevel: 'silent' }));
  track({ name: 'app', close: () => app.close() });
  if (config.auth.kind !== 'demo') throw new Error('this test needs the demo');
  const message = startMessage({ config, url: app.url, tokens: await signDemoTokens(config.auth, DEMO_USERS.grower) });
  const paste = async (command: string) => (await promisify(execFile)('sh', ['-c', command])).stdout;
  const [query = '', batch = '', purge = ''] = message.match(/^curl .*$/gm) ?? [];

  expect(JSON.parse(await paste(query))).toMatchObject({ data: { deviceListing: { edges: [{}, {}, {}] } } });
  const answers = (await paste(batch)).trim().split('\n');
  expect(answers).toHaveLength(4);
  for (const answer of [answers[0], answers[2]]) {
    expect(JSON.parse(answer ?? '')).toMatchObject({
      data: { devices: [{ id: expect.any(String) }, { id: expect.any(String) }, null] },
    });
  }
  expect(answers[1]).toMatch(/^0\.\d+ s$/);
  expect(JSON.parse(await paste(purge))).toEqual({ data: { invalidateCache: { status: 'APPLIED', matched: 3 } } });
});
