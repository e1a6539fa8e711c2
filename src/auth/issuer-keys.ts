/**
 * The keys of the token issuer, found by its discovery document or at a given URL. They go on serving while the issuer is down, and
 * are loaded anew every ten minutes and when a token names a key that is not among them. The verification of tokens calls it for
 * each signature; an issuer that can't be asked is `AUTH_UNAVAILABLE`, never a refused token.
 */
import { createRemoteJWKSet, customFetch, errors, type FetchImplementation, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { CodedError } from '../errors.js';

interface IssuerKeys {
  /** The key for a token's header. Rejects with `AUTH_UNAVAILABLE`, or with jose's error when the issuer has no such key. */
  readonly find: JWTVerifyGetKey;
  /** Ends the loading in the background. */
  close(): void;
}

/** For discovery document and keys together, so that a token which can't be checked is answered within 2 s. */
const FETCH_TIMEOUT_MS = 1_200;
/**
 * A token with an unknown key may ask the issuer again this long after the last answer: a stream of such tokens must not become a
 * stream of requests, and a new key must not be refused for long.
 */
const COOLDOWN_MS = 1_000;
/** How long a failed attempt speaks for the next ones. */
const RETRY_AFTER_MS = 250;
const RELOAD_INTERVAL_MS = 600_000;

const discoveryDocument = z.object({ issuer: z.string(), jwks_uri: z.string() });

/** @param source `jwksUrl` undefined: found by discovery. */
export function createIssuerKeys(source: { readonly issuer: string; readonly jwksUrl: string | undefined }): IssuerKeys {
  const { issuer, jwksUrl } = source;
  let lastAttemptAt = -Infinity;
  const fetchKeys: FetchImplementation = async (url, options) => {
    const hasFailed = !keys.coolingDown && performance.now() - lastAttemptAt < RETRY_AFTER_MS;
    if (hasFailed) throw new Error('The issuer has just failed to answer.');
    lastAttemptAt = performance.now();
    return await (jwksUrl === undefined ? fetchDiscovered(issuer, url, options) : fetch(url, options));
  };
  const keys = createRemoteJWKSet(new URL(jwksUrl ?? `${withoutSlash(issuer)}/.well-known/openid-configuration`), {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cooldownDuration: COOLDOWN_MS,
    cacheMaxAge: Infinity,
    [customFetch]: fetchKeys,
  });
  const reload = () => {
    // When it fails, the keys at hand go on serving.
    if (keys.jwks() !== undefined) keys.reload().catch(() => undefined);
  };
  const timer = setInterval(reload, RELOAD_INTERVAL_MS).unref();
  return {
    find: async (header, token) => {
      try {
        return await keys(header, token);
      } catch (error) {
        if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
        throw new CodedError('AUTH_UNAVAILABLE', 'The token issuer could not be asked for its keys; try again later.', {
          cause: error,
        });
      }
    },
    close: () => {
      clearInterval(timer);
    },
  };
}

/** An issuer's name with and without a slash at its end, which are the same to us: operators and issuers disagree about it. */
export function issuerSpellings(issuer: string): string[] {
  return [withoutSlash(issuer), `${withoutSlash(issuer)}/`];
}

async function fetchDiscovered(issuer: string, url: string, options: Parameters<FetchImplementation>[1]): Promise<Response> {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`The issuer's discovery document was answered with ${String(response.status)}.`);
  const document = discoveryDocument.parse(await response.json());
  if (!issuerSpellings(issuer).includes(document.issuer))
    throw new Error("The issuer's discovery document names another issuer.");
  return await fetch(document.jwks_uri, options);
}

function withoutSlash(url: string): string {
  return url.replace(/\/$/, '');
}
