/**
 * From a request's credentials to its principal, and the only place that decides it. `http/` calls it once per request, before
 * anything else looks at the request. A credential that is not valid is an error, never anonymous, and no error repeats it.
 */
import type { Budget } from '../cache/cache.js';
import type { AuthConfig } from '../config.js';
import { commonName, type OwnedPair } from '../devices/device.store.js';
import { CodedError } from '../errors.js';
import { createBearerVerifier } from './bearer.js';
import { ANONYMOUS, type Principal } from './principal.js';
import { VerifiedTokens } from './verified-tokens.js';

/** The two headers as `headersDistinct` of a request has them, or as `headers` has. */
export interface CredentialHeaders {
  readonly authorization?: string | readonly string[] | undefined;
  readonly 'x-api-key'?: string | readonly string[] | undefined;
}

export interface AuthenticatorDependencies {
  /** Undefined when nobody holds the key; rejects with `DATABASE_UNAVAILABLE` when that can't be told. */
  readonly findApiKey: (key: string, budget: Budget) => Promise<OwnedPair | undefined>;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
}

export interface Authenticator {
  /**
   * Rejects with a CodedError: `UNAUTHENTICATED` for a credential that is not valid, `AUTH_UNAVAILABLE` or `DATABASE_UNAVAILABLE`
   * for one that can't be checked now, within 2 s as far as the issuer is concerned.
   */
  authenticate(headers: CredentialHeaders, budget: Budget): Promise<Principal>;
  /** Ends what goes on in the background. */
  close(): void;
}

const MAX_API_KEY_BYTES = 512;

export function createAuthenticator(config: AuthConfig, dependencies: AuthenticatorDependencies): Authenticator {
  const { findApiKey, now = Date.now } = dependencies;
  const verifier = createBearerVerifier(config, now);
  const verifiedTokens = new VerifiedTokens(verifier.verify, now);

  async function authenticateApiKey(key: string, budget: Budget): Promise<Principal> {
    const isWellFormed = Buffer.byteLength(key) <= MAX_API_KEY_BYTES && /^\P{Cc}+$/u.test(key);
    const pair = isWellFormed ? await findApiKey(key, budget) : undefined;
    if (pair === undefined) throw new CodedError('UNAUTHENTICATED', 'X-API-Key is not the API key of any device.');
    const { owner, deviceId, name } = pair;
    return { kind: 'DEVICE', id: commonName(pair), owner, deviceId, name, permissions: [] };
  }

  return {
    async authenticate(headers, budget) {
      const { authorization, 'x-api-key': apiKey } = headers;
      if (authorization !== undefined)
        return await verifiedTokens.principalOf(bearerToken(single('Authorization', authorization)));
      if (apiKey !== undefined) return await authenticateApiKey(single('X-API-Key', apiKey), budget);
      return ANONYMOUS;
    },
    close() {
      verifier.close();
    },
  };
}

function single(header: string, value: string | readonly string[]): string {
  if (typeof value === 'string') return value;
  const [only] = value;
  if (only === undefined || value.length > 1) throw new CodedError('UNAUTHENTICATED', `${header} must be sent once.`);
  return only;
}

function bearerToken(authorization: string): string {
  const token = /^bearer +([\w.~+/-]+=*) *$/i.exec(authorization)?.[1];
  if (token === undefined) throw new CodedError('UNAUTHENTICATED', 'Authorization must be `Bearer` and one token.');
  return token;
}
