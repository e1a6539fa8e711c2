/** The keys of a real OpenID provider: rotation, and what goes on and what doesn't while the provider is down. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect, test, vi } from 'vitest';
import { startIssuer, type IssuerBehaviour } from '../harness/oidc.js';
import { freePort } from '../harness/ports.js';
import { waitFor } from '../harness/wait.js';
import { SERVICE, SUBJECT, verifierFor } from './oidc-verifier.js';

const REFUSED = { code: 'UNAUTHENTICATED' };
const UNAVAILABLE = { code: 'AUTH_UNAVAILABLE' };

/** Waits for an answer that must come within the 2 s that a client may have to wait. */
async function withinTwoSeconds<T>(answer: Promise<T>): Promise<PromiseSettledResult<T>> {
  const startedAt = performance.now();
  const [settled] = await Promise.allSettled([answer]);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  return settled;
}

describe('rotation', () => {
  test('a new key is accepted within about a second', async () => {
    const provider = await startIssuer();
    const verify = verifierFor(provider.issuer);
    await verify(await provider.sign(SUBJECT));
    await provider.rotate();
    const token = await provider.sign({ sub: 'by-the-new-key' });
    const principal = await waitFor(() => verify(token), { timeoutMs: 2_500, describe: 'the new key to be accepted' });
    expect(principal).toMatchObject({ id: 'by-the-new-key' });
  });

  test('a stream of tokens with unknown keys is refused and does not become a stream of requests', async () => {
    const provider = await startIssuer();
    const verify = verifierFor(provider.issuer);
    await verify(await provider.sign(SUBJECT));
    const startedAt = performance.now();
    for (let number = 0; number < 100; number++) {
      const token = await provider.sign(SUBJECT, { header: { kid: `unknown-${String(number)}` } });
      await expect(verify(token)).rejects.toMatchObject(REFUSED);
    }
    const allowed = 1 + Math.ceil((performance.now() - startedAt) / 1_000);
    expect(provider.requests.filter((path) => path === '/jwks').length).toBeLessThanOrEqual(allowed);
  });

  test('keys are loaded anew every ten minutes; a withdrawn one is refused from then on', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const provider = await startIssuer();
      const verify = verifierFor(provider.issuer);
      const tokens = await Promise.all(
        Array.from({ length: 200 }, (_, number) => provider.sign({ sub: `service-${String(number)}` })),
      );
      const next = () => verify(tokens.pop() ?? 'no token is left');
      await next();
      await provider.rotate();
      vi.advanceTimersByTime(599_999);
      await expect(next()).resolves.toMatchObject({ kind: 'SERVICE' });
      expect(provider.requests).toHaveLength(2);
      vi.advanceTimersByTime(1);
      await waitFor(() => provider.requests.length === 4, { describe: 'the keys to be loaded' });
      const isRefused = () => next().catch((error: unknown) => error);
      await waitFor(async () => (await isRefused()) instanceof Error, { describe: 'the withdrawn key to be refused' });
      await expect(next()).rejects.toMatchObject(REFUSED);
      expect(tokens.length).toBeGreaterThan(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('an issuer that can not be asked', () => {
  test.each<[string, IssuerBehaviour]>([
    ['answers 500', 'error'],
    ['answers garbage', 'garbage'],
    ['accepts and never answers', 'silence'],
  ])('%s: the token can not be checked, and then it can', async (_case, behaviour) => {
    const provider = await startIssuer();
    const verify = verifierFor(provider.issuer);
    const verifyByUrl = verifierFor(provider.issuer, { jwksUrl: provider.jwksUrl });
    const token = await provider.sign(SUBJECT);
    provider.behaviour = behaviour;
    for (const answer of [verify(token), verifyByUrl(token)]) {
      expect(await withinTwoSeconds(answer)).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
    }
    provider.behaviour = 'normal';
    expect(await waitFor(() => verify(token))).toEqual(SERVICE);
    expect(await waitFor(() => verifyByUrl(token))).toEqual(SERVICE);
  });

  test('refuses connections: no stream of attempts', async () => {
    const provider = await startIssuer();
    const verify = verifierFor(provider.issuer);
    const token = await provider.sign(SUBJECT);
    await provider.stop();
    for (let number = 0; number < 20; number++) {
      expect(await withinTwoSeconds(verify(token))).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
    }
    await provider.start();
    expect(await waitFor(() => verify(token))).toEqual(SERVICE);
  });

  test('answers 500: the cause of the error says so, for the log', async () => {
    const provider = await startIssuer();
    provider.behaviour = 'error';
    const cause = expect.objectContaining({ message: expect.stringContaining('500') as string }) as Error;
    await expect(verifierFor(provider.issuer)(await provider.sign(SUBJECT))).rejects.toMatchObject({ ...UNAVAILABLE, cause });
  });

  test('answers 500: no stream of attempts', async () => {
    const provider = await startIssuer();
    const verify = verifierFor(provider.issuer);
    provider.behaviour = 'error';
    const startedAt = performance.now();
    for (let number = 0; number < 50; number++)
      await expect(verify(await provider.sign(SUBJECT))).rejects.toMatchObject(UNAVAILABLE);
    expect(provider.requests.length).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - startedAt) / 250));
  });

  test('is silent only about its keys: one deadline holds for discovery and keys together', async () => {
    const provider = await startIssuer();
    const port = await freePort();
    const issuer = `http://127.0.0.1:${String(port)}`;
    const server = createServer((request, response) => {
      if (request.url === '/keys') return;
      setTimeout(() => response.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` })), 800);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const settled = await withinTwoSeconds(verifierFor(issuer)(await provider.sign({ ...SUBJECT, iss: issuer })));
    expect(settled).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
    server.close();
    server.closeAllConnections();
  });

  test('has the discovery document of another issuer', async () => {
    const [provider, other] = await Promise.all([startIssuer(), startIssuer()]);
    const server = createServer((_request, response) => {
      response.end(JSON.stringify({ issuer: other.issuer, jwks_uri: other.jwksUrl }));
    });
    const port = await freePort();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const issuer = `http://127.0.0.1:${String(port)}`;
    await expect(verifierFor(issuer)(await other.sign({ ...SUBJECT, iss: issuer }))).rejects.toMatchObject(UNAVAILABLE);
    expect([...other.requests, ...provider.requests]).toEqual([]);
    server.close();
    server.closeAllConnections();
  });
});

test('while the issuer is down, its known keys go on serving: remembered tokens and new ones, each until it expires', async () => {
  const provider = await startIssuer();
  let now = Date.now();
  const verify = verifierFor(provider.issuer, {}, () => now);
  const exp = Math.floor(now / 1_000) + 7_200;
  const remembered = await provider.sign({ ...SUBJECT, exp });
  const other = await provider.sign({ sub: 'not-seen-before', exp });
  const unknown = await provider.sign(SUBJECT, { header: { kid: 'made-while-it-was-down' } });
  await verify(remembered);
  await provider.stop();
  await expect(verify(remembered)).resolves.toEqual(SERVICE);
  await expect(verify(other)).resolves.toMatchObject({ id: 'not-seen-before' });
  now += 3_600_000; // No longer remembered: verified again by the keys at hand.
  await expect(verify(remembered)).resolves.toEqual(SERVICE);
  await waitFor(
    async () => {
      expect(await withinTwoSeconds(verify(unknown))).toMatchObject({ reason: UNAVAILABLE });
      return true;
    },
    { describe: 'a token with an unknown key to be one that can not be checked' },
  );
  now = (exp + 5) * 1_000;
  await expect(verify(remembered)).rejects.toMatchObject(REFUSED);
  await expect(verify(other)).rejects.toMatchObject(REFUSED);
});
