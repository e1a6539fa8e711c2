/** The configuration: every default, every rule of every variable, and that all problems come at once and repeat no secret. */
import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { ConfigError, ENVIRONMENT, loadConfig, TRACING_ENVIRONMENT } from '../src/config.js';
import { problemsOf } from './config-problems.js';

const MONGODB_URL = 'mongodb://localhost:27017';
const JWT_SECRET = 'a-secret-of-32-bytes-is-enough!!';
const OIDC_ISSUER = 'https://issuer.example/realm';

describe('defaults', () => {
  test('an empty environment is the demo', () => {
    const { podName, auth, ...rest } = loadConfig({});
    expect(rest).toEqual({
      production: false,
      logLevel: 'info',
      http: {
        port: 4000,
        host: '0.0.0.0',
        corsOrigins: ['https://studio.apollographql.com'],
        publicMaxAgeSeconds: 0,
        shutdownDelaySeconds: 0,
      },
      store: { kind: 'embedded', devicesFile: undefined },
      cache: {
        redis: undefined,
        prefix: 'opensensor-graphql:',
        ttlSeconds: 300,
        negativeTtlSeconds: 30,
        responseTtlSeconds: 60,
        responseHints: {},
        graceSeconds: 600,
        l1MaxBytes: 67_108_864,
        budgetMs: 50,
      },
    });
    expect(podName.startsWith(`${hostname()}-`)).toBe(true);
    expect(podName).not.toBe(loadConfig({}).podName);
    expect(auth).toMatchObject({ kind: 'demo', permissionsClaim: 'permissions' });
    expect(auth).not.toEqual(loadConfig({}).auth);
  });

  test('an empty variable is one that is not set', () => {
    const empty = Object.fromEntries(ENVIRONMENT.map(({ variable }) => [variable, '']));
    const { podName: _podName, auth: _auth, ...rest } = loadConfig(empty);
    expect(loadConfig({})).toMatchObject(rest);
  });

  test('what is set is taken over', () => {
    const config = loadConfig({
      PORT: '0',
      HOST: '::1',
      NODE_ENV: 'production',
      LOG_LEVEL: 'warn',
      MONGODB_URL,
      MONGODB_DATABASE: 'sensors',
      REDIS_URL: 'rediss://user:p%40ss@redis.example:6380/2',
      CACHE_PREFIX: 'staging:',
      CACHE_TTL_SECONDS: '100',
      CACHE_NEGATIVE_TTL_SECONDS: '10',
      CACHE_RESPONSE_TTL_SECONDS: '0',
      CACHE_RESPONSE_HINTS: '{"*":{"staleWhileRevalidate":3000},"Device":{"maxAge":0,"scope":"PRIVATE"}}',
      CACHE_GRACE_SECONDS: '0',
      CACHE_L1_MAX_BYTES: '1000000',
      CACHE_BUDGET_MS: '20',
      OIDC_ISSUER,
      OIDC_AUDIENCE: 'opensensor',
      OIDC_JWKS_URL: 'https://issuer.example/keys',
      ADMIN_OIDC_CLIENT_ID: 'admin-page',
      PERMISSIONS_CLAIM: 'realm_access.roles',
      CORS_ORIGINS: 'https://app.example, http://localhost:5173',
      PUBLIC_MAX_AGE_SECONDS: '5',
      SHUTDOWN_DELAY_SECONDS: '10',
      POD_NAME: 'graphql-0',
      SOMETHING_ELSE: 'is none of ours',
    });
    expect(config).toEqual({
      production: true,
      logLevel: 'warn',
      podName: 'graphql-0',
      http: {
        port: 0,
        host: '::1',
        corsOrigins: ['https://app.example', 'http://localhost:5173'],
        publicMaxAgeSeconds: 5,
        shutdownDelaySeconds: 10,
      },
      store: { kind: 'mongodb', url: MONGODB_URL, database: 'sensors' },
      cache: {
        redis: { kind: 'single', urls: ['rediss://user:p%40ss@redis.example:6380/2'] },
        prefix: 'staging:',
        ttlSeconds: 100,
        negativeTtlSeconds: 10,
        responseTtlSeconds: 0,
        responseHints: { '*': { staleWhileRevalidate: 3_000 }, Device: { maxAge: 0, scope: 'PRIVATE' } },
        graceSeconds: 0,
        l1MaxBytes: 1_000_000,
        budgetMs: 20,
      },
      auth: {
        kind: 'oidc',
        issuer: OIDC_ISSUER,
        audience: 'opensensor',
        jwksUrl: 'https://issuer.example/keys',
        permissionsClaim: 'realm_access.roles',
      },
      adminClientId: 'admin-page',
    });
  });

  test('nothing in it can be changed', () => {
    const config = loadConfig({ REDIS_URL: 'redis://localhost' });
    for (const part of [
      config,
      config.http,
      config.http.corsOrigins,
      config.store,
      config.cache,
      config.cache.redis?.urls,
      config.auth,
    ]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  test('the catalogue has the default as the loader reads it', () => {
    const defaults = Object.fromEntries(ENVIRONMENT.map((entry) => [entry.variable, entry.default]));
    expect(defaults).toMatchObject({
      PORT: '4000',
      CACHE_L1_MAX_BYTES: '67108864',
      CORS_ORIGINS: 'https://studio.apollographql.com',
    });
    expect(defaults).toMatchObject({ MONGODB_URL: 'embedded store', REDIS_URL: 'embedded cache', OIDC_ISSUER: 'none' });
    expect(ENVIRONMENT.every(({ meaning }) => meaning.endsWith('.'))).toBe(true);
  });
});

describe('problems', () => {
  test('come all at once, each naming its variable, and repeat no value', () => {
    const env = {
      PORT: '65536-secret',
      LOG_LEVEL: 'loud-secret',
      MONGODB_URL: 'mongodb://user:secret@',
      OPENSENSOR_DB: 'postgres://user:secret@host',
      DEVICES_FILE: '/secret',
      REDIS_URL: 'redis://user:%secret@host',
      CACHE_PREFIX: 'opensensor:secret',
      CACHE_TTL_SECONDS: '2500',
      OIDC_ISSUER: 'https://user:secret@issuer.example',
      OIDC_JWKS_URL: 'https://user:secret@issuer.example',
      JWT_SECRET: 'secret',
      NODE_ENV: 'production',
      CORS_ORIGINS: 'https://secret.example/',
    };
    const problems = problemsOf(env);
    for (const name of Object.keys(env)) expect(problems.join('\n')).toMatch(new RegExp(`\\b${name}\\b`));
    expect(problems.every((problem) => /^[A-Z]+(_[A-Z0-9]+)* .*\.$/.test(problem))).toBe(true);
    expect(problems).toHaveLength(15);
    expect(problems.join('\n').replaceAll('JWT_SECRET', '')).not.toMatch(/secret(?! of)/i);
    expect(new ConfigError(problems).message).toContain(problems.join('\n  '));
  });
});

describe('numbers', () => {
  test.each(['1e3', '12abc', '-1', '+1', ' 5 ', '5 ', '1.5', '0x10', '1_000', '٣', '007', 'NaN', '99999999999999999999', ' '])(
    '%j is none',
    (text) => {
      expect(problemsOf({ CACHE_BUDGET_MS: text })).toEqual(['CACHE_BUDGET_MS must be a whole number from 1 to 60000.']);
    },
  );

  test.each([
    ['PORT', ['0', '65535'], ['65536']],
    ['CACHE_TTL_SECONDS', ['1', '2400'], ['0', '2401']],
    ['CACHE_NEGATIVE_TTL_SECONDS', ['1', '3000'], ['0', '3001']],
    ['CACHE_RESPONSE_TTL_SECONDS', ['0', '3000'], ['3001']],
    ['CACHE_GRACE_SECONDS', ['0', '2700'], ['2701']],
    ['CACHE_L1_MAX_BYTES', ['1', '1099511627776'], ['0']],
    ['CACHE_BUDGET_MS', ['1', '60000'], ['0']],
    ['PUBLIC_MAX_AGE_SECONDS', ['0', '31536000'], ['31536001']],
    ['SHUTDOWN_DELAY_SECONDS', ['0', '3600'], ['3601']],
  ])('bounds of %s', (name, good, bad) => {
    for (const text of good) expect(problemsOf({ [name]: text })).toEqual([]);
    for (const text of bad) expect(problemsOf({ [name]: text })).toEqual([expect.stringContaining(name)]);
  });

  test('a TTL plus grace is at most 3,000 s', () => {
    expect(problemsOf({ CACHE_TTL_SECONDS: '1', CACHE_GRACE_SECONDS: '2999' })).toEqual([]);
    expect(problemsOf({ CACHE_TTL_SECONDS: '2', CACHE_GRACE_SECONDS: '2999' })).toEqual([
      'CACHE_TTL_SECONDS plus CACHE_GRACE_SECONDS must be at most 3000.',
    ]);
  });
});

describe('the database', () => {
  test.each(['mongodb://h', 'mongodb://u:p%40@a:1,b:2/x?replicaSet=r', 'mongodb+srv://u:p@cluster.example/?w=majority'])(
    '%s',
    (url) => {
      expect(loadConfig({ MONGODB_URL: url }).store).toEqual({ kind: 'mongodb', url, database: 'default' });
      expect(loadConfig({ OPENSENSOR_DB: url }).store).toEqual({ kind: 'mongodb', url, database: 'default' });
      expect(loadConfig({ OPENSENSOR_DB: url, MONGODB_URL: url }).store).toMatchObject({ url });
    },
  );

  test.each(['mongodb://', 'mongodb:///x', 'localhost:27017', 'http://h', 'mongodb://a,,b', 'mongodb://a b'])(
    '%j is none',
    (url) => {
      expect(problemsOf({ MONGODB_URL: url })).toEqual([expect.stringMatching(/^MONGODB_URL /)]);
      expect(problemsOf({ OPENSENSOR_DB: url })).toEqual([expect.stringMatching(/^OPENSENSOR_DB /)]);
    },
  );

  test('its two variables must not differ', () => {
    expect(problemsOf({ MONGODB_URL, OPENSENSOR_DB: 'mongodb://other' })).toEqual([
      'MONGODB_URL and OPENSENSOR_DB are two names of one setting and differ: set one of them.',
    ]);
  });

  test.each(['a/b', 'a.b', 'a b', '$a', 'ä'.repeat(32)])('%j is no name of one', (MONGODB_DATABASE) => {
    expect(problemsOf({ MONGODB_URL, MONGODB_DATABASE })).toEqual([expect.stringMatching(/^MONGODB_DATABASE /)]);
  });

  test('DEVICES_FILE is for the embedded store', () => {
    expect(loadConfig({ DEVICES_FILE: 'users.json' }).store).toEqual({ kind: 'embedded', devicesFile: 'users.json' });
    expect(problemsOf({ DEVICES_FILE: 'users.json', MONGODB_URL })).toEqual([expect.stringContaining('DEVICES_FILE')]);
    expect(problemsOf({ DEVICES_FILE: 'users.json', OPENSENSOR_DB: MONGODB_URL })).toEqual([
      expect.stringContaining('DEVICES_FILE'),
    ]);
  });
});

describe('CACHE_PREFIX', () => {
  test('is the whole prefix where a database is shared', () => {
    expect(loadConfig({ MONGODB_URL, REDIS_URL: 'redis://localhost', CACHE_PREFIX: 'x' }).cache.prefix).toBe('x');
  });

  test('beside the embedded store keys get a random part after the prefix', () => {
    const prefix = () => loadConfig({ REDIS_URL: 'redis://localhost', CACHE_PREFIX: 'staging:' }).cache.prefix;
    expect(prefix()).toMatch(/^staging:[\da-f]{12}:$/);
    expect(prefix()).not.toBe(prefix());
  });

  test.each(['x', 'opensensor-', 'opensensors:', 'OpenSensor:', 'é'.repeat(50)])('%s', (CACHE_PREFIX) => {
    expect(loadConfig({ CACHE_PREFIX }).cache.prefix).toBe(CACHE_PREFIX);
  });

  test.each([
    ...['a{', 'a}', '*', 'a?', 'a[', 'a]', 'a\\', 'a\n', 'a\u0000', 'é'.repeat(50) + 'a'],
    ...['opensensor:', 'opensensor:graphql:', 'opensensor', 'o'],
  ])('%j is refused', (CACHE_PREFIX) => {
    expect(problemsOf({ CACHE_PREFIX })).toEqual([expect.stringMatching(/^CACHE_PREFIX /)]);
  });
});

describe('credentials of callers', () => {
  test.each<[string, Record<string, string>, string]>([
    ['nothing at all', {}, 'demo'],
    ['nothing, with a Redis', { REDIS_URL: 'redis://localhost' }, 'demo'],
    ['nothing, in production', { NODE_ENV: 'production' }, 'none'],
    ['nothing, with a database', { MONGODB_URL }, 'none'],
    ['nothing, with a database by its other name', { OPENSENSOR_DB: MONGODB_URL }, 'none'],
    ['a secret', { JWT_SECRET }, 'secret'],
    ['a secret, with a database', { JWT_SECRET, MONGODB_URL }, 'secret'],
    ['an issuer', { OIDC_ISSUER }, 'oidc'],
    ['an issuer, in production', { OIDC_ISSUER, NODE_ENV: 'production' }, 'oidc'],
  ])('%s', (_case, env, kind) => {
    expect(loadConfig(env).auth.kind).toBe(kind);
  });

  test.each<[Record<string, string>, string]>([
    [{ JWT_SECRET: JWT_SECRET.slice(1) }, 'JWT_SECRET must have at least 32 bytes.'],
    [{ SURROGATE_KEYS: 'fifteen bytes..' }, 'SURROGATE_KEYS must have at least 16 bytes.'],
    [{ JWT_SECRET, NODE_ENV: 'production' }, 'JWT_SECRET can not be used with NODE_ENV=production: set OIDC_ISSUER.'],
    [{ JWT_SECRET, OIDC_ISSUER }, 'JWT_SECRET can not be set with OIDC_ISSUER: tokens are verified by one of them.'],
    [{ OIDC_AUDIENCE: 'opensensor' }, 'OIDC_AUDIENCE needs OIDC_ISSUER.'],
    [{ OIDC_JWKS_URL: OIDC_ISSUER }, 'OIDC_JWKS_URL needs OIDC_ISSUER.'],
    [{ ADMIN_OIDC_CLIENT_ID: 'admin-page' }, 'ADMIN_OIDC_CLIENT_ID needs OIDC_ISSUER.'],
    [{ OIDC_ISSUER: 'issuer.example' }, 'OIDC_ISSUER must be an http:// or https:// URL without credentials.'],
    [{ OIDC_ISSUER: 'https://issuer.example/?x=1' }, 'OIDC_ISSUER must have no query and no fragment.'],
    [{ OIDC_ISSUER, OIDC_JWKS_URL: 'file:///keys' }, 'OIDC_JWKS_URL must be an http:// or https:// URL without credentials.'],
  ])('%j', (env, problem) => {
    expect(problemsOf(env)).toEqual([problem]);
  });

  test('a secret is counted in bytes', () => {
    expect(problemsOf({ JWT_SECRET: 'é'.repeat(16) })).toEqual([]);
  });
});

test.each([
  ...[
    '*',
    'null',
    'app.example',
    'https://app.example/',
    'https://app.example/x',
    'https://*.example',
    'https://app.example:443',
  ],
  ...[
    'HTTPS://app.example',
    'https://user@app.example',
    'https://app.example,',
    'ftp://app.example',
    'https://app.example https://b',
  ],
])('CORS_ORIGINS=%s is refused', (CORS_ORIGINS) => {
  expect(problemsOf({ CORS_ORIGINS })).toEqual([expect.stringMatching(/^CORS_ORIGINS /)]);
});

test.each([
  ['HOST', 'a b'],
  ['LOG_LEVEL', 'INFO'],
  ['POD_NAME', 'a\nb'],
  ['POD_NAME', 'a'.repeat(254)],
  ['PERMISSIONS_CLAIM', 'a\u0007'],
])('%s=%j is refused', (name, text) => {
  expect(problemsOf({ [name]: text })).toEqual([expect.stringContaining(name)]);
});

describe('traces', () => {
  const ENDPOINT = 'http://collector:4318';

  test.each([
    [{}, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT }, 'otlp'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${ENDPOINT}/v1/traces` }, 'otlp'],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, 'otlp'],
    [{ OTEL_TRACES_EXPORTER: 'console', OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT }, 'console'],
    [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT }, undefined],
    [{ OTEL_SDK_DISABLED: 'TRUE', OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT }, undefined],
    [{ OTEL_SDK_DISABLED: 'false', OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT }, 'otlp'],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_SERVICE_NAME: 'x' }, undefined],
  ])('%j', (env, exporter) => {
    expect(loadConfig(env).tracing?.exporter).toBe(exporter);
  });

  test.each([
    ['OTEL_TRACES_EXPORTER', ['otlp', 'console'], ['zipkin', 'otlp,console']],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', [ENDPOINT], ['collector:4318', 'grpc://collector', 'https://user:secret@collector']],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', [`${ENDPOINT}/v1/traces`], ['collector']],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', ['http/json'], ['grpc', 'http/protobuf']],
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', ['http/json'], ['grpc']],
    ['OTEL_EXPORTER_OTLP_HEADERS', ['api-key=secret', 'a=b==,c=d'], ['secret', '=secret', 'a=b,secret']],
    ['OTEL_RESOURCE_ATTRIBUTES', ['a=b,c=d%2Ce'], ['secret', 'a=b=secret']],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', ['1', '600000'], ['0', '10s']],
    ['OTEL_TRACES_SAMPLER', ['always_on', 'parentbased_traceidratio'], ['sometimes']],
    ['OTEL_TRACES_SAMPLER_ARG', ['0', '0.25', '.5', '1', '1.0'], ['1.1', '-1', 'half']],
    ['OTEL_BSP_MAX_QUEUE_SIZE', ['1'], ['0', 'many']],
  ])('%s', (name, good, bad) => {
    const asked = { OTEL_TRACES_EXPORTER: 'otlp' };
    for (const text of good) expect(problemsOf({ ...asked, [name]: text })).toEqual([]);
    for (const text of bad) {
      const problems = problemsOf({ ...asked, [name]: text });
      expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name} must be .*\\.$`))]);
      expect(problems[0]).not.toContain('secret');
    }
  });

  test('are described by a table of their own', () => {
    expect(TRACING_ENVIRONMENT.every(({ variable, meaning }) => variable.startsWith('OTEL_') && meaning.endsWith('.'))).toBe(
      true,
    );
  });
});
