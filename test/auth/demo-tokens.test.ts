/** The three tokens of a server with demo data: good for that server's own secret, each for its purpose, for half a day. */
import { expect, test } from 'vitest';
import { createAuthenticator } from '../../src/auth/authenticator.js';
import { signDemoTokens } from '../../src/auth/demo-tokens.js';
import { Budget } from '../../src/cache/cache.js';
import { loadConfig, type AuthConfig } from '../../src/config.js';

const GROWER = '11111111-1111-4111-8111-111111111111';
const HOUR_MS = 3_600_000;

function demoAuth(env: Record<string, string> = {}): Extract<AuthConfig, { kind: 'demo' }> {
  const { auth } = loadConfig(env);
  if (auth.kind !== 'demo') throw new Error(`the configuration is ${auth.kind}`);
  return auth;
}

function authenticate(auth: AuthConfig, token: string, now = Date.now) {
  const authenticator = createAuthenticator(auth, { findApiKey: () => Promise.resolve(undefined), now });
  return authenticator.authenticate({ authorization: `Bearer ${token}` }, new Budget(50));
}

test.each(['permissions', 'realm_access.roles'])('speak for an admin, a grower and a service, by the claim %s', async (claim) => {
  const auth = demoAuth({ PERMISSIONS_CLAIM: claim });
  const { admin, grower, service } = await signDemoTokens(auth, GROWER);
  expect(await authenticate(auth, admin)).toMatchObject({
    kind: 'USER',
    permissions: ['cache:admin', 'cache:read', 'devices:read'],
  });
  expect(await authenticate(auth, grower)).toEqual({ kind: 'USER', id: GROWER, permissions: [] });
  expect(await authenticate(auth, service)).toEqual({ kind: 'SERVICE', id: 'demo-service', permissions: ['devices:read'] });
});

test('end after 12 hours', async () => {
  const auth = demoAuth();
  const { grower } = await signDemoTokens(auth, GROWER);
  const in12Hours = Date.now() + 12 * HOUR_MS;
  await expect(authenticate(auth, grower, () => in12Hours - 10_000)).resolves.toMatchObject({ id: GROWER });
  await expect(authenticate(auth, grower, () => in12Hours + 10_000)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('are nothing to another process', async () => {
  const { admin } = await signDemoTokens(demoAuth(), GROWER);
  await expect(authenticate(demoAuth(), admin)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});
