/**
 * Verifies bearer tokens in the way that the configuration asks for: by the issuer's keys, by a shared secret, or not at all.
 * Called by the authenticator, which remembers what was verified. What is wrong with a token is said without repeating any of it.
 */
import { errors, jwtVerify, type JWTPayload, type JWTVerifyOptions } from 'jose';
import type { AuthConfig } from '../config.js';
import { CodedError } from '../errors.js';
import { CLOCK_TOLERANCE_SECONDS, toVerifiedToken, type VerifiedToken } from './claims.js';
import { createIssuerKeys, issuerSpellings } from './issuer-keys.js';

interface BearerVerifier {
  /** Rejects with `UNAUTHENTICATED`, or `AUTH_UNAVAILABLE` when the issuer can't be asked for a key that is needed. */
  readonly verify: (token: string) => Promise<VerifiedToken>;
  close(): void;
}

/** Listed one by one: a token must not choose a symmetric algorithm, which would take a public key for a secret, nor `none`. */
const ISSUER_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];

/** @param now milliseconds since 1970. */
export function createBearerVerifier(config: AuthConfig, now: () => number): BearerVerifier {
  const verifyWith =
    (verifyToken: (token: string, time: JWTVerifyOptions) => Promise<{ payload: JWTPayload }>) => async (token: string) => {
      try {
        const { payload } = await verifyToken(token, { currentDate: new Date(now()), clockTolerance: CLOCK_TOLERANCE_SECONDS });
        return toVerifiedToken(payload, config.permissionsClaim);
      } catch (error) {
        throw error instanceof CodedError ? error : refusal(error);
      }
    };
  switch (config.kind) {
    case 'oidc': {
      const keys = createIssuerKeys(config);
      const options: JWTVerifyOptions = {
        algorithms: ISSUER_ALGORITHMS,
        issuer: issuerSpellings(config.issuer),
        requiredClaims: ['exp', 'sub'],
        ...(config.audience !== undefined && { audience: config.audience }),
      };
      return {
        verify: verifyWith((token, time) => jwtVerify(token, keys.find, { ...options, ...time })),
        close: () => {
          keys.close();
        },
      };
    }
    case 'secret':
    case 'demo': {
      const secret = new TextEncoder().encode(config.secret);
      const options: JWTVerifyOptions = { algorithms: ['HS256'], requiredClaims: ['sub'] };
      return { verify: verifyWith((token, time) => jwtVerify(token, secret, { ...options, ...time })), close: () => undefined };
    }
    case 'none':
      return { verify: () => Promise.reject(noIssuer()), close: () => undefined };
  }
}

function noIssuer(): CodedError {
  return new CodedError('UNAUTHENTICATED', 'Bearer tokens are not accepted: this server has no issuer of tokens configured.');
}

/** Without the error as its cause: that one holds the token's claims. */
function refusal(error: unknown): CodedError {
  return new CodedError('UNAUTHENTICATED', `The bearer token is not valid: ${reasonOf(error)}.`);
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `its claim \`${error.claim}\` is missing or not accepted`;
  if (error instanceof errors.JWKSNoMatchingKey) return 'its issuer publishes no key of that id and algorithm';
  if (error instanceof errors.JWKSMultipleMatchingKeys) return "it does not say which of its issuer's keys signed it";
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not accepted';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature does not match';
  return 'it is not a signed JSON Web Token';
}
