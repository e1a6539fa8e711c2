/** What is remembered of verified tokens, for how long, and of how many. */
import { expect, test } from 'vitest';
import type { VerifiedToken } from '../../src/auth/claims.js';
import { VerifiedTokens } from '../../src/auth/verified-tokens.js';

/** Verifies every token as one of the service of that name; `verified` are the tokens verified so far. */
function setUp(window: Partial<VerifiedToken> = {}) {
  const clock = { now: 0 };
  const verified: string[] = [];
  const verify = (token: string): Promise<VerifiedToken> => {
    verified.push(token);
    if (token === 'forged') return Promise.reject(new Error('forged'));
    const principal = { kind: 'SERVICE', id: token, permissions: [] } as const;
    return Promise.resolve({ principal, notBeforeMs: -Infinity, expiresAtMs: Infinity, ...window });
  };
  return { clock, verified, tokens: new VerifiedTokens(verify, () => clock.now) };
}

test('a token is remembered for ten minutes from its verification, however often it is used', async () => {
  const { clock, verified, tokens } = setUp();
  await expect(tokens.principalOf('a')).resolves.toMatchObject({ id: 'a' });
  for (clock.now = 0; clock.now < 600_000; clock.now += 59_999) await tokens.principalOf('a');
  expect(verified).toEqual(['a']);
  clock.now = 600_000;
  await expect(tokens.principalOf('a')).resolves.toMatchObject({ id: 'a' });
  expect(verified).toEqual(['a', 'a']);
});

test('a token is remembered no longer than it lives', async () => {
  const { clock, verified, tokens } = setUp({ expiresAtMs: 1_000 });
  await tokens.principalOf('a');
  clock.now = 999;
  await tokens.principalOf('a');
  expect(verified).toHaveLength(1);
  clock.now = 1_000;
  await tokens.principalOf('a');
  expect(verified).toHaveLength(2);
});

test('a refused token is not remembered, and those who asked at once are all refused', async () => {
  const { verified, tokens } = setUp();
  const answers = await Promise.allSettled([tokens.principalOf('forged'), tokens.principalOf('forged')]);
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await expect(tokens.principalOf('forged')).rejects.toThrow('forged');
  expect(verified).toHaveLength(2);
});

test('the 10,000 tokens used last are remembered', async () => {
  const { verified, tokens } = setUp();
  for (let number = 0; number <= 10_000; number++) await tokens.principalOf(String(number));
  verified.length = 0;
  await tokens.principalOf('1');
  await tokens.principalOf('10000');
  expect(verified).toEqual([]);
  await tokens.principalOf('0');
  expect(verified).toEqual(['0']);
});
