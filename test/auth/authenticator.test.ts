/** Which of a request's credentials counts, and what becomes of one that is malformed. */
import { inspect } from 'node:util';
import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { createAuthenticator, type CredentialHeaders } from '../../src/auth/authenticator.js';
import { Budget } from '../../src/cache/cache.js';
import type { OwnedPair } from '../../src/devices/device.store.js';
import { CodedError } from '../../src/errors.js';

const SECRET = 'an-hs256-secret-of-more-than-32-bytes';
const PAIR: OwnedPair = { owner: '11111111-1111-4111-8111-111111111111', deviceId: 'greenhouse-7f3a', name: 'North|2' };
const DEVICE = { kind: 'DEVICE', id: 'greenhouse-7f3a|North|2', ...PAIR, permissions: [] };
const SERVICE = { kind: 'SERVICE', id: 'batch-service', permissions: [] };
const REFUSED = { code: 'UNAUTHENTICATED' };

const token = await new SignJWT({})
  .setProtectedHeader({ alg: 'HS256' })
  .setSubject('batch-service')
  .sign(new TextEncoder().encode(SECRET));

/** With the API key `good`; `lookups` are the keys asked for. */
function setUp(kind: 'secret' | 'none' = 'secret') {
  const lookups: string[] = [];
  const authenticator = createAuthenticator(
    { kind, secret: SECRET, permissionsClaim: 'permissions' },
    {
      findApiKey: (key) => {
        lookups.push(key);
        return Promise.resolve(key === 'good' ? PAIR : undefined);
      },
    },
  );
  return { lookups, authenticate: (headers: CredentialHeaders) => authenticator.authenticate(headers, new Budget(50)) };
}

test('no credentials are nobody', async () => {
  const { authenticate } = setUp();
  await expect(authenticate({})).resolves.toEqual({ kind: 'ANONYMOUS' });
  await expect(authenticate({ authorization: undefined, 'x-api-key': undefined })).resolves.toEqual({ kind: 'ANONYMOUS' });
});

test('an API key is its device', async () => {
  const { authenticate } = setUp();
  await expect(authenticate({ 'x-api-key': 'good' })).resolves.toEqual(DEVICE);
  await expect(authenticate({ 'x-api-key': ['good'] })).resolves.toEqual(DEVICE);
});

test('nothing of what the look-up answers but the pair makes the principal', async () => {
  const forged = { ...PAIR, kind: 'USER', id: 'somebody-else', permissions: ['cache:admin'] };
  const { authenticate } = createAuthenticator(
    { kind: 'none', permissionsClaim: 'permissions' },
    { findApiKey: () => Promise.resolve(forged) },
  );
  await expect(authenticate({ 'x-api-key': 'good' }, new Budget(50))).resolves.toEqual(DEVICE);
});

test.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('the scheme may be written %s', async (scheme) => {
  const { authenticate } = setUp();
  await expect(authenticate({ authorization: `${scheme} ${token}` })).resolves.toEqual(SERVICE);
  await expect(authenticate({ authorization: [`${scheme}  ${token}`] })).resolves.toEqual(SERVICE);
});

describe('Authorization wins over X-API-Key', () => {
  test('when it is valid', async () => {
    const { authenticate, lookups } = setUp();
    await expect(authenticate({ authorization: `Bearer ${token}`, 'x-api-key': 'good' })).resolves.toEqual(SERVICE);
    expect(lookups).toEqual([]);
  });

  test.each(['', 'Bearer', 'Bearer x', 'Basic dTpw'])('when it is not: `%s`', async (authorization) => {
    const { authenticate, lookups } = setUp();
    await expect(authenticate({ authorization, 'x-api-key': 'good' })).rejects.toMatchObject(REFUSED);
    expect(lookups).toEqual([]);
  });
});

test.each<[string, CredentialHeaders]>([
  ['an empty Authorization', { authorization: '' }],
  ['another scheme', { authorization: `Basic ${token}` }],
  ['a scheme that begins like Bearer', { authorization: `Bearer2 ${token}` }],
  ['a token without scheme', { authorization: token }],
  ['a scheme without token', { authorization: 'Bearer ' }],
  ['two tokens', { authorization: `Bearer ${token} ${token}` }],
  ['two tokens in one value', { authorization: `Bearer ${token}, Bearer ${token}` }],
  ['a token with an odd character', { authorization: `Bearer ${token}ü` }],
  ['Authorization twice', { authorization: [`Bearer ${token}`, `Bearer ${token}`] }],
  ['Authorization without value', { authorization: [] }],
  ['X-API-Key twice', { 'x-api-key': ['good', 'good'] }],
  ['X-API-Key without value', { 'x-api-key': [] }],
  ['an empty API key', { 'x-api-key': '' }],
  ['an API key with a control character', { 'x-api-key': 'go\u0000od' }],
  ['an API key with a line break at its end', { 'x-api-key': 'good\n' }],
  ['an API key that is too long', { 'x-api-key': 'é'.repeat(257) }],
])('%s is a bad credential, without a look-up', async (_case, headers) => {
  const { authenticate, lookups } = setUp();
  await expect(authenticate(headers)).rejects.toMatchObject(REFUSED);
  expect(lookups).toEqual([]);
});

test('an unknown API key is a bad credential, and the error does not repeat it', async () => {
  const { authenticate, lookups } = setUp();
  const longest = 'k'.repeat(512);
  const error = await authenticate({ 'x-api-key': longest }).catch((reason: unknown) => reason as Error);
  expect(error).toMatchObject(REFUSED);
  expect(inspect(error, { depth: null, showHidden: true })).not.toContain('kkk');
  expect(lookups).toEqual([longest]);
});

test('a database that can not be asked is not a bad credential', async () => {
  const { authenticate } = createAuthenticator(
    { kind: 'none', permissionsClaim: 'permissions' },
    { findApiKey: () => Promise.reject(new CodedError('DATABASE_UNAVAILABLE', 'The database could not be asked.')) },
  );
  await expect(authenticate({ 'x-api-key': 'good' }, new Budget(50))).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
});

test('without an issuer bearer tokens are refused, with the reason; API keys are not', async () => {
  const { authenticate } = setUp('none');
  await expect(authenticate({ authorization: `Bearer ${token}` })).rejects.toMatchObject({
    ...REFUSED,
    message: expect.stringContaining('no issuer') as string,
  });
  await expect(authenticate({ 'x-api-key': 'good' })).resolves.toEqual(DEVICE);
});
