/** What the claims of a token say of its principal, with tokens signed by a shared secret. */
import { SignJWT, type JWTPayload } from 'jose';
import { describe, expect, test } from 'vitest';
import { createAuthenticator } from '../../src/auth/authenticator.js';
import { Budget } from '../../src/cache/cache.js';

const SECRET = 'an-hs256-secret-of-more-than-32-bytes';
const UUID = '3F2504E0-4F89-41D3-9A0C-0305E82C3301';
const REFUSED = { code: 'UNAUTHENTICATED' };

function sign(claims: JWTPayload, secret = SECRET, alg = 'HS256'): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));
}

function authenticate(token: string, { permissionsClaim = 'permissions', now = Date.now } = {}) {
  const authenticator = createAuthenticator(
    { kind: 'secret', secret: SECRET, permissionsClaim },
    { findApiKey: () => Promise.resolve(undefined), now },
  );
  return authenticator.authenticate({ authorization: `Bearer ${token}` }, new Budget(50));
}

describe('HS256', () => {
  test('needs the secret', async () => {
    await expect(authenticate(await sign({ sub: 'a' }))).resolves.toMatchObject({ kind: 'SERVICE', id: 'a' });
    await expect(authenticate(await sign({ sub: 'a' }, `${SECRET}.`))).rejects.toMatchObject(REFUSED);
  });

  test.each(['HS384', 'HS512'])('is not %s', async (alg) => {
    await expect(authenticate(await sign({ sub: 'a' }, SECRET.repeat(2), alg))).rejects.toMatchObject(REFUSED);
    await expect(authenticate(await sign({ sub: 'a' }, SECRET, alg))).rejects.toMatchObject(REFUSED);
  });

  test('tokens may have no expiry; one that they have counts, and so does `nbf`', async () => {
    const at = 2_000_000_000;
    const now = () => at * 1_000;
    await expect(authenticate(await sign({ sub: 'a', exp: at - 4 }), { now })).resolves.toMatchObject({ id: 'a' });
    await expect(authenticate(await sign({ sub: 'a', exp: at - 5 }), { now })).rejects.toMatchObject(REFUSED);
    await expect(authenticate(await sign({ sub: 'a', nbf: at + 6 }), { now })).rejects.toMatchObject(REFUSED);
  });
});

describe('the subject', () => {
  test.each([UUID, UUID.toLowerCase(), '00000000-0000-0000-0000-000000000000'])('%s is a user, in lower case', async (sub) => {
    await expect(authenticate(await sign({ sub }))).resolves.toEqual({ kind: 'USER', id: sub.toLowerCase(), permissions: [] });
  });

  test.each([UUID.replaceAll('-', ''), `{${UUID}}`, `${UUID}\n`, `urn:uuid:${UUID}`, 'Batch-Service', ' '])(
    '%j is a service, as it is',
    async (sub) => {
      await expect(authenticate(await sign({ sub }))).resolves.toEqual({ kind: 'SERVICE', id: sub, permissions: [] });
    },
  );

  test.each([undefined, '', null, 7, {}, ['a']])('%j is refused', async (sub) => {
    await expect(authenticate(await sign({ sub } as JWTPayload))).rejects.toMatchObject(REFUSED);
  });
});

describe('permissions', () => {
  test.each<[string, unknown, readonly string[]]>([
    ['a list', ['devices:read', 'cache:read'], ['cache:read', 'devices:read']],
    ['a string', 'devices:read  cache:read', ['cache:read', 'devices:read']],
    ['with what they include', ['cache:admin'], ['cache:admin', 'cache:read']],
    ['with duplicates', 'cache:admin cache:read cache:admin', ['cache:admin', 'cache:read']],
    ['with unknown ones', ['openid', 'cache:write', 'Cache:Admin', 'devices:read', 7, null, ['cache:admin']], ['devices:read']],
    ['a string within a list', ['cache:admin devices:read'], []],
    ['separated by commas', 'cache:admin,devices:read', []],
    ['an object', { 'cache:admin': true }, []],
    ['a boolean', true, []],
    ['null', null, []],
    ['missing', undefined, []],
  ])('%s', async (_case, permissions, expected) => {
    await expect(authenticate(await sign({ sub: 'a', permissions }))).resolves.toEqual({
      kind: 'SERVICE',
      id: 'a',
      permissions: expected,
    });
  });

  test.each<[string, string, JWTPayload, readonly string[]]>([
    ['by a name', 'scope', { scope: 'devices:read', permissions: ['cache:admin'] }, ['devices:read']],
    ['by a path', 'realm_access.roles', { realm_access: { roles: ['devices:read'] } }, ['devices:read']],
    [
      'by a name with dots',
      'https://opensensor.io/permissions',
      { 'https://opensensor.io/permissions': ['devices:read'] },
      ['devices:read'],
    ],
    ['by a name with dots rather than by its path', 'a.b', { 'a.b': 'devices:read', a: { b: 'cache:admin' } }, ['devices:read']],
    ['not by half a path', 'a.b.c', { a: { 'b.c': 'devices:read' } }, []],
    ['not by a path through text', 'a.length', { a: 'devices:read' }, []],
  ])('are found %s', async (_case, permissionsClaim, claims, permissions) => {
    await expect(authenticate(await sign({ sub: 'a', ...claims }), { permissionsClaim })).resolves.toMatchObject({ permissions });
  });

  test('are not found in what all objects inherit', async () => {
    const token = await sign({ sub: 'a' });
    Object.defineProperty(Object.prototype, 'inherited', { value: 'cache:admin', configurable: true });
    try {
      await expect(authenticate(token, { permissionsClaim: 'inherited' })).resolves.toMatchObject({ permissions: [] });
    } finally {
      Reflect.deleteProperty(Object.prototype, 'inherited');
    }
  });

  test('cannot be changed by who reads them', async () => {
    const principal = await authenticate(await sign({ sub: 'a', permissions: ['devices:read'] }));
    expect(Object.isFrozen(principal)).toBe(true);
    expect('permissions' in principal && Object.isFrozen(principal.permissions)).toBe(true);
  });
});
