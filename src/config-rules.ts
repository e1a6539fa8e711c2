/**
 * The rules between environment variables: what is right by itself and wrong together. Called by `loadConfig` beside the reading of
 * the single variables, so that all problems come at once. A problem repeats no value, since many are secret.
 */
import type { VariableName, Variables } from './config-schema.js';

/** What nothing that is cached may outlive, in seconds. */
const MAX_TTL_PLUS_GRACE_SECONDS = 3_000;

/**
 * One sentence for each broken rule. Presence is asked of `env`, in which no variable is empty: a variable with a problem of its own is
 * missing from `values`.
 */
export function findContradictions(env: Readonly<Record<string, string | undefined>>, values: Partial<Variables>): string[] {
  const isSet = (name: VariableName) => env[name] !== undefined;
  const { CACHE_TTL_SECONDS: ttl = 0, CACHE_GRACE_SECONDS: grace = 0 } = values;
  const { CACHE_RESPONSE_TTL_SECONDS: responseTtl = 0, CACHE_RESPONSE_HINTS: hints = {} } = values;
  const stale = Math.max(0, ...Object.values(hints).map(({ staleWhileRevalidate = 0 }) => staleWhileRevalidate));
  const rules: readonly (readonly [broken: boolean, problem: string])[] = [
    [
      isSet('MONGODB_URL') && isSet('OPENSENSOR_DB') && env['MONGODB_URL'] !== env['OPENSENSOR_DB'],
      'MONGODB_URL and OPENSENSOR_DB are two names of one setting and differ: set one of them.',
    ],
    [
      isSet('DEVICES_FILE') && (isSet('MONGODB_URL') || isSet('OPENSENSOR_DB')),
      'DEVICES_FILE is for the embedded store and can not be set with MONGODB_URL.',
    ],
    [
      ttl + grace > MAX_TTL_PLUS_GRACE_SECONDS,
      `CACHE_TTL_SECONDS plus CACHE_GRACE_SECONDS must be at most ${String(MAX_TTL_PLUS_GRACE_SECONDS)}.`,
    ],
    [
      responseTtl + stale > MAX_TTL_PLUS_GRACE_SECONDS,
      `CACHE_RESPONSE_TTL_SECONDS plus each staleWhileRevalidate of CACHE_RESPONSE_HINTS must be at most ${String(MAX_TTL_PLUS_GRACE_SECONDS)}.`,
    ],
    [isSet('OIDC_AUDIENCE') && !isSet('OIDC_ISSUER'), 'OIDC_AUDIENCE needs OIDC_ISSUER.'],
    [isSet('OIDC_JWKS_URL') && !isSet('OIDC_ISSUER'), 'OIDC_JWKS_URL needs OIDC_ISSUER.'],
    [isSet('ADMIN_OIDC_CLIENT_ID') && !isSet('OIDC_ISSUER'), 'ADMIN_OIDC_CLIENT_ID needs OIDC_ISSUER.'],
    [
      isSet('JWT_SECRET') && isSet('OIDC_ISSUER'),
      'JWT_SECRET can not be set with OIDC_ISSUER: tokens are verified by one of them.',
    ],
    [
      isSet('JWT_SECRET') && values.NODE_ENV === 'production',
      'JWT_SECRET can not be used with NODE_ENV=production: set OIDC_ISSUER.',
    ],
  ];
  return rules.filter(([broken]) => broken).map(([, problem]) => problem);
}
