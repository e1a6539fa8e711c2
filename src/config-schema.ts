/**
 * Every environment variable, once: what it means, its default, how its text is read. `loadConfig` reads the environment through this
 * table and the documentation's table is checked against it. A problem found here never repeats a value, since many are secret.
 */
import { z } from 'zod';
import { parseRedisUrl } from './config-redis.js';
import {
  catalogueOf,
  type Environment,
  integer,
  maxBytes,
  optional,
  printable,
  readTable,
  type ValuesOf,
  variable,
  webUrl,
} from './config-table.js';

const MEBIBYTE = 1_048_576;

const mongodbUrl = z
  .string()
  .regex(
    /^mongodb(\+srv)?:\/\/([^@/\s]*@)?[^@/?,\s]+(,[^@/?,\s]+)*([/?]\S*)?$/,
    'must be mongodb://host:port or mongodb+srv://host; special characters in credentials are percent-encoded',
  );

const redisUrl = z.string().transform((text, context) => {
  try {
    return parseRedisUrl(text);
  } catch (error) {
    context.addIssue((error as Error).message);
    return z.NEVER;
  }
});

/** As in RFC 5861 and Apollo's `@cacheControl`; whole seconds. */
const seconds = z.int().min(0).max(3_000);
const typeHint = z.strictObject({
  maxAge: seconds.exactOptional(),
  scope: z.enum(['PUBLIC', 'PRIVATE']).exactOptional(),
  staleWhileRevalidate: seconds.exactOptional(),
});

const responseHints = z.string().transform((text, context) => {
  const hints = z.record(z.string(), typeHint).safeParse(parseJson(text));
  if (hints.success) return hints.data;
  context.addIssue(
    'must be JSON like {"Device":{"maxAge":30,"scope":"PRIVATE","staleWhileRevalidate":60}}, by names of types or *, in whole seconds up to 3000',
  );
  return z.NEVER;
});

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Keys of the older API begin so; a purge of ours must not be able to reach them. */
const OLDER_API_PREFIX = 'opensensor:';

const cachePrefix = printable
  .regex(/^[^{}*?[\]\\]*$/, 'must not contain any of { } * ? [ ] \\')
  .check(maxBytes(100))
  .refine(
    (prefix) => !prefix.startsWith(OLDER_API_PREFIX) && !OLDER_API_PREFIX.startsWith(prefix),
    `must neither begin with ${OLDER_API_PREFIX}, which is the older API's, nor be a beginning of it`,
  );

const corsOrigins = z
  .string()
  .transform((text) => text.split(',').map((origin) => origin.trim()))
  .refine(
    (origins) =>
      origins.every((origin) => /^https?:[^*]+$/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin),
    'must be origins as a browser sends them, comma separated: https://host or http://host:port, without path, wildcard or default port',
  );

const VARIABLES = {
  PORT: variable('Port to listen on; 0 takes any free one.', '4000', integer(0, 65_535)),
  HOST: variable('Address to listen on.', '0.0.0.0', z.string().regex(/^[^\s/]+$/, 'must be a host name or an address')),
  NODE_ENV: optional('`production`: JSON logs, introspection only for verified callers.', 'none', z.string()),
  LOG_LEVEL: variable(
    'The least severe level that is logged: `fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.',
    'info',
    z.enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'must be fatal, error, warn, info, debug, trace or silent',
    ),
  ),
  MONGODB_URL: optional('The database: `mongodb://` or `mongodb+srv://`.', 'embedded store', mongodbUrl),
  OPENSENSOR_DB: optional("The older API's name of `MONGODB_URL`.", 'none', mongodbUrl),
  MONGODB_DATABASE: variable(
    'Name of the database.',
    'default',
    printable.regex(/^[^/\\. "$]+$/, 'must have no blanks and none of / \\ . " $').check(maxBytes(63)),
  ),
  DEVICES_FILE: optional('Embedded store: a `mongoexport` of `Users` (Extended JSON) to load.', 'the demo fleet', z.string()),
  REDIS_URL: optional(
    "`redis://`, `rediss://`, `redis+sentinel://host:port,host:port/master`, or a cluster's nodes, comma separated; credentials allowed.",
    'embedded cache',
    redisUrl,
  ),
  CACHE_PREFIX: variable(
    "Before every Redis key: 1 to 100 bytes without `{ } * ? [ ] \\`, never the older API's `opensensor:`.",
    'opensensor-graphql:',
    cachePrefix,
  ),
  CACHE_TTL_SECONDS: variable('How long a device is cached; jitter shortens it by up to 10 %.', '300', integer(1, 3_000)),
  CACHE_NEGATIVE_TTL_SECONDS: variable('How long the absence of a device is cached.', '30', integer(1, 3_000)),
  CACHE_RESPONSE_TTL_SECONDS: variable('How long whole responses are cached; 0 = not at all.', '60', integer(0, 3_000)),
  CACHE_RESPONSE_HINTS: optional(
    'How long whole responses with objects of a type in them live (`maxAge`), whose they are (`scope`), and how long after that they are served while they are made anew (`staleWhileRevalidate`): JSON by names of types, or `*`. With `CACHE_RESPONSE_TTL_SECONDS` at most 3000.',
    'none',
    responseHints,
  ),
  CACHE_GRACE_SECONDS: variable(
    'How long after expiry a device may stand in while MongoDB is down; 0 = not at all. With `CACHE_TTL_SECONDS` at most 3000.',
    '600',
    integer(0, 3_000),
  ),
  CACHE_L1_MAX_BYTES: variable("This process's memory for the cache.", String(64 * MEBIBYTE), integer(1, 2 ** 40)),
  CACHE_BUDGET_MS: variable('What the cache may add to one request when Redis misbehaves.', '50', integer(1, 60_000)),
  OIDC_ISSUER: optional(
    'Issuer of the bearer tokens, whose keys verify them.',
    'none',
    webUrl.regex(/^[^?#]*$/, 'must have no query and no fragment'),
  ),
  OIDC_AUDIENCE: optional('Audience that a token must name.', 'any', printable),
  OIDC_JWKS_URL: optional("Where the issuer's keys are.", "found by the issuer's discovery document", webUrl),
  ADMIN_OIDC_CLIENT_ID: optional(
    'Client id at the issuer of the admin page, a public client with PKCE that may be redirected to `/admin/signed-in.html`.',
    'tokens are pasted',
    printable,
  ),
  JWT_SECRET: optional(
    'Instead of OIDC, not in production: secret of HS256 tokens, 32 bytes at least.',
    'none',
    z.string().refine((secret) => Buffer.byteLength(secret) >= 32, 'must have at least 32 bytes'),
  ),
  PERMISSIONS_CLAIM: variable(
    'Token claim with the permissions, a list or a space-separated string; a name or a path at its dots.',
    'permissions',
    printable,
  ),
  CORS_ORIGINS: variable(
    'Origins that browsers may call from, comma separated.',
    'https://studio.apollographql.com',
    corsOrigins,
  ),
  PUBLIC_MAX_AGE_SECONDS: variable(
    'How long browsers and CDNs may keep answers to callers without credentials; they can not be called back.',
    '0',
    integer(0, 31_536_000),
  ),
  SURROGATE_KEYS: optional(
    'For a CDN: secret, 16 bytes at least, of the digests in `surrogate-key` by which it can purge answers to callers without credentials.',
    'no such header',
    z.string().refine((secret) => Buffer.byteLength(secret) >= 16, 'must have at least 16 bytes'),
  ),
  SHUTDOWN_DELAY_SECONDS: variable('How long requests are still served after SIGTERM.', '0', integer(0, 3_600)),
  POD_NAME: optional('How this process is called in statistics.', 'host name plus a random part', printable.check(maxBytes(253))),
};

export type VariableName = keyof typeof VARIABLES;
export type Variables = ValuesOf<typeof VARIABLES>;

/** The documentation's table of the environment: `default` is the default's text, or says what holds without the variable. */
export const ENVIRONMENT = catalogueOf(VARIABLES);

/** Reads each variable by itself, as {@link readTable} does. */
export function readVariables(env: Environment): { readonly values: Partial<Variables>; readonly problems: string[] } {
  return readTable(VARIABLES, env);
}
