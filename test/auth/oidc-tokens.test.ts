/** Bearer tokens of a real OpenID provider: which are accepted, which are refused, and what a refusal says. */
import { inspect } from 'node:util';
import { exportSPKI, importJWK, SignJWT, UnsecuredJWT, type CryptoKey, type JWK } from 'jose';
import { describe, expect, test } from 'vitest';
import { startIssuer, type TestIssuer } from '../harness/oidc.js';
import { SERVICE, SUBJECT, verifierFor } from './oidc-verifier.js';

const REFUSED = { code: 'UNAUTHENTICATED' };

async function publishedKey(provider: TestIssuer): Promise<JWK & { kid: string }> {
  const { keys } = (await (await fetch(provider.jwksUrl)).json()) as { keys: [JWK & { kid: string }] };
  return keys[0];
}

describe('a token is accepted', () => {
  test.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'])(
    'signed with %s',
    async (algorithm) => {
      const provider = await startIssuer({ algorithm });
      await expect(verifierFor(provider.issuer)(await provider.sign(SUBJECT))).resolves.toEqual(SERVICE);
    },
  );

  test('by the keys of OIDC_JWKS_URL, without discovery', async () => {
    const provider = await startIssuer();
    const verify = verifierFor(provider.issuer, { jwksUrl: provider.jwksUrl });
    await expect(verify(await provider.sign(SUBJECT))).resolves.toEqual(SERVICE);
    expect(provider.requests).toEqual(['/jwks']);
  });

  test.each([true, false])(
    'when issuer and configuration disagree about a slash at the end of the name (%s)',
    async (hasTrailingSlash) => {
      const provider = await startIssuer({ hasTrailingSlash });
      const configured = hasTrailingSlash ? provider.issuer.slice(0, -1) : `${provider.issuer}/`;
      const token = await provider.sign(SUBJECT);
      await expect(verifierFor(configured)(token)).resolves.toEqual(SERVICE);
      await expect(verifierFor(provider.issuer)(token)).resolves.toEqual(SERVICE);
      expect(provider.requests.map((path) => path.lastIndexOf('/.well-known'))).not.toContain(1);
    },
  );

  test('after one verification, however many ask at the same time or later', async () => {
    const provider = await startIssuer();
    const verify = verifierFor(provider.issuer);
    const token = await provider.sign(SUBJECT);
    const principals = await Promise.all(Array.from({ length: 20 }, () => verify(token)));
    expect(new Set([...principals, await verify(token)]).size).toBe(1);
    expect(provider.requests).toEqual(['/.well-known/openid-configuration', '/jwks']);
  });
});

describe('an audience, where one is configured,', () => {
  test.each<[string, unknown, boolean]>([
    ['is among those of the token', ['other', 'opensensor'], true],
    ["is the token's", 'opensensor', true],
    ['is not among those of the token', ['other', 'opensensor-admin'], false],
    ['is missing from the token', undefined, false],
  ])('%s', async (_case, aud, isAccepted) => {
    const provider = await startIssuer();
    const answer = verifierFor(provider.issuer, { audience: 'opensensor' })(await provider.sign({ ...SUBJECT, aud }));
    await (isAccepted ? expect(answer).resolves.toEqual(SERVICE) : expect(answer).rejects.toMatchObject(REFUSED));
  });
});

describe('a token is refused', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['of another issuer', { iss: 'https://issuer.example' }, '`iss`'],
    ['without issuer', { iss: undefined }, '`iss`'],
    ['that never expires', { exp: undefined }, '`exp`'],
    ['whose expiry is text', { exp: '2099-01-01' }, '`exp`'],
    ['without subject', { sub: undefined }, '`sub`'],
    ['with an empty subject', { sub: '' }, '`sub`'],
    ['whose subject is a number', { sub: 7 }, '`sub`'],
  ])('%s', async (_case, claims, message) => {
    const provider = await startIssuer();
    const answer = verifierFor(provider.issuer)(await provider.sign({ ...SUBJECT, ...claims }));
    await expect(answer).rejects.toMatchObject({ ...REFUSED, message: expect.stringContaining(message) as string });
  });

  test('signed by a stranger under the key id of the issuer', async () => {
    const [provider, stranger] = await Promise.all([startIssuer(), startIssuer()]);
    const { kid } = await publishedKey(provider);
    const forged = await stranger.sign({ ...SUBJECT, iss: provider.issuer }, { header: { kid } });
    const answer = verifierFor(provider.issuer)(forged);
    await expect(answer).rejects.toMatchObject({ ...REFUSED, message: expect.stringContaining('signature') as string });
  });

  test('whose claims were changed after signing', async () => {
    const provider = await startIssuer();
    const [header, claims = '', signature] = (await provider.sign(SUBJECT)).split('.');
    const changed = { ...(JSON.parse(Buffer.from(claims, 'base64url').toString()) as object), permissions: ['cache:admin'] };
    const forged = [header, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.');
    const answer = verifierFor(provider.issuer)(forged);
    await expect(answer).rejects.toMatchObject({ ...REFUSED, message: expect.stringContaining('signature') as string });
  });

  test('with `alg: none`, without asking the issuer', async () => {
    const provider = await startIssuer();
    const token = new UnsecuredJWT(SUBJECT).setIssuer(provider.issuer).setExpirationTime('1h').encode();
    await expect(verifierFor(provider.issuer)(token)).rejects.toMatchObject(REFUSED);
    await expect(verifierFor(provider.issuer)(`${token}c2ln`)).rejects.toMatchObject(REFUSED);
    expect(provider.requests).toEqual([]);
  });

  test('signed by HS256 with the public key as the secret', async () => {
    const provider = await startIssuer();
    const jwk = await publishedKey(provider);
    const pem = await exportSPKI((await importJWK(jwk, 'RS256', { extractable: true })) as CryptoKey);
    for (const secret of [pem, `${pem}\n`, JSON.stringify(jwk)]) {
      const token = await new SignJWT(SUBJECT)
        .setProtectedHeader({ alg: 'HS256', kid: jwk.kid })
        .setIssuer(provider.issuer)
        .setExpirationTime('1h')
        .sign(new TextEncoder().encode(secret));
      const answer = verifierFor(provider.issuer)(token);
      await expect(answer).rejects.toMatchObject({ ...REFUSED, message: expect.stringContaining('algorithm') as string });
    }
  });

  test.each(['x', 'a.b.c', 'e30.e30.', 'a.b.c.d.e', `${'A'.repeat(8_000)}.e30.e30`])('that is none: %.20s', async (token) => {
    const provider = await startIssuer();
    await expect(verifierFor(provider.issuer)(token)).rejects.toMatchObject(REFUSED);
    expect(provider.requests).toEqual([]);
  });

  test('by an error that repeats neither token nor claims', async () => {
    const provider = await startIssuer();
    const token = await provider.sign({ ...SUBJECT, secret: 'a-private-claim', exp: 1_000_000_000 });
    const error = await verifierFor(provider.issuer)(token).catch((reason: unknown) => reason as Error);
    expect(error).toMatchObject({ ...REFUSED, message: expect.stringContaining('expired') as string });
    const everything = inspect(error, { depth: null, showHidden: true });
    for (const part of [...token.split('.'), 'a-private-claim']) expect(everything).not.toContain(part);
  });
});

describe('clocks may differ by 5 s', () => {
  const at = 2_000_000_000;

  test.each([
    ['exp', at + 1, true],
    ['exp', at - 4, true],
    ['exp', at - 5, false],
    ['nbf', at + 5, true],
    ['nbf', at + 6, false],
  ])('%s of %i at 2,000,000,000: %s', async (claim, time, isAccepted) => {
    const provider = await startIssuer();
    const verify = verifierFor(provider.issuer, {}, () => at * 1_000);
    const answer = verify(await provider.sign({ ...SUBJECT, nbf: at - 60, exp: at + 60, [claim]: time }));
    await (isAccepted ? expect(answer).resolves.toEqual(SERVICE) : expect(answer).rejects.toMatchObject(REFUSED));
  });

  test('when a remembered token is used again', async () => {
    const provider = await startIssuer();
    let now = at * 1_000;
    const verify = verifierFor(provider.issuer, {}, () => now);
    const token = await provider.sign({ ...SUBJECT, nbf: at - 10, exp: at + 60 });
    const answerAt = async (milliseconds: number) => {
      now = milliseconds;
      return await verify(token).then(
        () => 'accepted',
        () => 'refused',
      );
    };
    expect(await answerAt(at * 1_000)).toBe('accepted');
    expect(await answerAt((at + 65) * 1_000 - 1)).toBe('accepted');
    expect(await answerAt((at + 65) * 1_000)).toBe('refused');
    expect(await answerAt((at - 15) * 1_000)).toBe('accepted');
    expect(await answerAt((at - 15) * 1_000 - 1)).toBe('refused');
  });
});
