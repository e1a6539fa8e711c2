/** An authenticator for the tokens of an OpenID provider, as the tests of tokens and of keys use it. */
import { onTestFinished } from 'vitest';
import { createAuthenticator } from '../../src/auth/authenticator.js';
import type { Principal } from '../../src/auth/principal.js';
import { Budget } from '../../src/cache/cache.js';
import type { AuthConfig } from '../../src/config.js';

type OidcConfig = Extract<AuthConfig, { kind: 'oidc' }>;

export const SUBJECT = { sub: 'batch-service' };
/** Who a token with {@link SUBJECT} speaks for. */
export const SERVICE: Principal = { kind: 'SERVICE', id: 'batch-service', permissions: [] };

/**
 * Verifies tokens until the running test ends.
 * @param now milliseconds since 1970; default: the system's clock.
 */
export function verifierFor(issuer: string, config: Partial<OidcConfig> = {}, now?: () => number) {
  const authenticator = createAuthenticator(
    { kind: 'oidc', permissionsClaim: 'permissions', issuer, audience: undefined, jwksUrl: undefined, ...config },
    { findApiKey: () => Promise.reject(new Error('no API key is looked up here')), ...(now && { now }) },
  );
  onTestFinished(() => {
    authenticator.close();
  });
  return (token: string) => authenticator.authenticate({ authorization: `Bearer ${token}` }, new Budget(50));
}
