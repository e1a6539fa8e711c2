/**
 * The server's configuration: one frozen object, read from the environment once, by `main.ts`, and handed down by constructors.
 * The variables themselves are in `config-schema.ts` and `config-tracing.ts`, the rules between them in `config-rules.ts`; here is what
 * follows from them together.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { RedisConfig } from './config-redis.js';
import { findContradictions } from './config-rules.js';
import { readVariables, type Variables } from './config-schema.js';
import type { TypeHints } from './response-cache/hints.js';
import { readTracing, type TracingConfig } from './config-tracing.js';

export type { RedisConfig } from './config-redis.js';
export { ENVIRONMENT } from './config-schema.js';
export { TRACING_ENVIRONMENT, type TracingConfig } from './config-tracing.js';

export interface Config {
  /** `NODE_ENV=production`: JSON logs, introspection only for verified callers. */
  readonly production: boolean;
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  readonly podName: string;
  readonly http: HttpConfig;
  readonly store: StoreConfig;
  readonly cache: CacheConfig;
  readonly auth: AuthConfig;
  /** By which the admin page signs in at the issuer. Undefined: a token is pasted there. */
  readonly adminClientId: string | undefined;
  /** Undefined: no traces. */
  readonly tracing: TracingConfig | undefined;
}

export interface HttpConfig {
  readonly port: number;
  readonly host: string;
  readonly corsOrigins: readonly string[];
  readonly publicMaxAgeSeconds: number;
  readonly shutdownDelaySeconds: number;
}

export type StoreConfig =
  | { readonly kind: 'embedded'; readonly devicesFile: string | undefined }
  | { readonly kind: 'mongodb'; readonly url: string; readonly database: string };

export interface CacheConfig {
  readonly redis: RedisConfig | undefined;
  /** As every Redis key begins. With the embedded store and a Redis it ends in a random part. */
  readonly prefix: string;
  readonly ttlSeconds: number;
  readonly negativeTtlSeconds: number;
  readonly responseTtlSeconds: number;
  /** By names of types, or `*`. */
  readonly responseHints: TypeHints;
  /** The secret of the digests that a CDN purges by. Undefined: it gets none. */
  readonly surrogateKeys: string | undefined;
  readonly graceSeconds: number;
  readonly l1MaxBytes: number;
  readonly budgetMs: number;
}

/** `demo`: a secret made at start, whose tokens are printed. `none`: bearer tokens are refused. */
export type AuthConfig = { readonly permissionsClaim: string } & (
  | { readonly kind: 'none' }
  | { readonly kind: 'demo'; readonly secret: string }
  | { readonly kind: 'secret'; readonly secret: string }
  | {
      readonly kind: 'oidc';
      readonly issuer: string;
      readonly audience: string | undefined;
      /** Undefined: found by the issuer's discovery document. */
      readonly jwksUrl: string | undefined;
    }
);

/** The environment can't be used. `problems` are all of them, a sentence each, which names its variable and repeats no value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The environment can't be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** Makes the configuration of an environment, in which an empty variable is one that is not set. Throws {@link ConfigError}. */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const env = Object.fromEntries(Object.entries(environment).filter(([, text]) => text !== ''));
  const { values, problems } = readVariables(env);
  const tracing = readTracing(env);
  problems.push(...findContradictions(env, values), ...tracing.problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return deepFreeze({ ...assemble(values as Variables), tracing: tracing.config });
}

function assemble(values: Variables): Omit<Config, 'tracing'> {
  const production = values.NODE_ENV === 'production';
  const mongodbUrl = values.MONGODB_URL ?? values.OPENSENSOR_DB;
  const store: StoreConfig =
    mongodbUrl === undefined
      ? { kind: 'embedded', devicesFile: values.DEVICES_FILE }
      : { kind: 'mongodb', url: mongodbUrl, database: values.MONGODB_DATABASE };
  // Another process's embedded store is another database: its entries must not be read here.
  const sharesNoEntries = store.kind === 'embedded' && values.REDIS_URL !== undefined;
  return {
    production,
    logLevel: values.LOG_LEVEL,
    podName: values.POD_NAME ?? `${hostname()}-${random(3)}`,
    http: {
      port: values.PORT,
      host: values.HOST,
      corsOrigins: values.CORS_ORIGINS,
      publicMaxAgeSeconds: values.PUBLIC_MAX_AGE_SECONDS,
      shutdownDelaySeconds: values.SHUTDOWN_DELAY_SECONDS,
    },
    store,
    cache: {
      redis: values.REDIS_URL,
      prefix: sharesNoEntries ? `${values.CACHE_PREFIX}${random(6)}:` : values.CACHE_PREFIX,
      ttlSeconds: values.CACHE_TTL_SECONDS,
      negativeTtlSeconds: values.CACHE_NEGATIVE_TTL_SECONDS,
      responseTtlSeconds: values.CACHE_RESPONSE_TTL_SECONDS,
      responseHints: values.CACHE_RESPONSE_HINTS ?? {},
      surrogateKeys: values.SURROGATE_KEYS,
      graceSeconds: values.CACHE_GRACE_SECONDS,
      l1MaxBytes: values.CACHE_L1_MAX_BYTES,
      budgetMs: values.CACHE_BUDGET_MS,
    },
    auth: assembleAuth(values, store.kind === 'embedded' && !production),
    adminClientId: values.ADMIN_OIDC_CLIENT_ID,
  };
}

function assembleAuth(values: Variables, isDemo: boolean): AuthConfig {
  const permissionsClaim = values.PERMISSIONS_CLAIM;
  if (values.OIDC_ISSUER !== undefined) {
    return {
      permissionsClaim,
      kind: 'oidc',
      issuer: values.OIDC_ISSUER,
      audience: values.OIDC_AUDIENCE,
      jwksUrl: values.OIDC_JWKS_URL,
    };
  }
  if (values.JWT_SECRET !== undefined) return { permissionsClaim, kind: 'secret', secret: values.JWT_SECRET };
  return isDemo ? { permissionsClaim, kind: 'demo', secret: random(32) } : { permissionsClaim, kind: 'none' };
}

function random(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value) as unknown[]) {
    if (typeof member === 'object' && member !== null) deepFreeze(member);
  }
  return Object.freeze(value);
}
