/**
 * Keyv's own suite over both of our stores. The whole default suite: what a store has to do, values of every kind, and namespaces.
 * The suite's tests of iterators run over Redis only, whose store inherits one from @keyv/redis: nothing of ours iterates a Keyv
 * (listing and purging go through the key space, which also knows what is not ours), so the embedded store has none to test.
 */
import keyvTestSuite, { keyvApiTests, keyvIteratorTests, keyvValueTests } from '@keyv/test-suite';
import { Keyv } from 'keyv';
import * as test from 'vitest';
import { openRedis } from '../../src/connections.js';
import { EmbeddedStore } from '../../src/cache/tiers/embedded-store.js';
import { RedisStore } from '../../src/cache/tiers/redis-store.js';
import { startRedis } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { waitFor } from '../harness/wait.js';

const MAX_BYTES = 2 ** 20;

test.describe('the embedded store', () => {
  // As Keyv's suite is run over its own in-memory store, a Map: one for each Keyv. `clear` empties a store whatever the namespace.
  keyvTestSuite(test, Keyv, () => new EmbeddedStore(MAX_BYTES));
});

test.describe('the embedded store, one for all', () => {
  const store = new EmbeddedStore(MAX_BYTES);
  keyvApiTests(test, Keyv, () => store);
  keyvValueTests(test, Keyv, () => store);
});

test.describe('the store on Redis', () => {
  let connect: () => RedisStore;
  test.beforeAll(async () => {
    const redis = await startRedis();
    const connections = await openRedis({ kind: 'single', urls: [redis.url] }, () => undefined);
    track({ name: 'Redis connections', close: () => Promise.resolve(connections.close()) });
    connect = () => new RedisStore(connections.values);
    await waitFor(() =>
      connect()
        .set('connected', 'yes')
        .then(() => true),
    );
  });
  keyvTestSuite(test, Keyv, () => connect());
  keyvIteratorTests(test, Keyv, () => connect());
});
