/**
 * What a person reads on standard output when the server has started: where it is, which of its parts are embedded, and what to try.
 * A pure function, called by `main.ts`. The one place where demo tokens are shown; nothing of a connection string ever is.
 */
import type { DemoTokens } from './auth/demo-tokens.js';
import type { Config } from './config.js';
import { DEMO_DEVICES } from './devices/demo-fleet.js';

export interface StartMessageParts {
  readonly config: Config;
  /** Where the server listens, without a path. */
  readonly url: string;
  /** Undefined unless the server has made its own secret. */
  readonly tokens: DemoTokens | undefined;
}

export function startMessage({ config, url, tokens }: StartMessageParts): string {
  const lines = [
    `OpenSensor GraphQL is at ${url}/graphql, for browsers too.`,
    `The admin page is at ${url}/admin.`,
    '',
    `store: ${describeStore(config)}`,
    `cache: ${describeCache(config)}`,
    ...describeTokens(config, tokens),
    '',
    'Three things to try:',
    '',
    ...examples(config, tokens).map(({ body, twice = false, token }) => curl(`${url}/graphql`, body, { twice, token })),
  ];
  return `${lines.join('\n')}\n`;
}

function describeStore({ store }: Config): string {
  if (store.kind === 'mongodb') return `MongoDB, database ${store.database}`;
  const devices = store.devicesFile === undefined ? 'the demo fleet' : `the devices of ${store.devicesFile}`;
  return `embedded, with ${devices}; changes are gone when the server stops. Set MONGODB_URL for a database.`;
}

function describeCache({ cache }: Config): string {
  if (cache.redis === undefined) return 'embedded, in the memory of this process. Set REDIS_URL to share it between pods.';
  return `Redis, under the prefix ${cache.prefix}`;
}

function describeTokens({ auth }: Config, tokens: DemoTokens | undefined): readonly string[] {
  if (auth.kind === 'none') return ['bearer tokens: refused. Set OIDC_ISSUER to accept those of an issuer.'];
  if (tokens === undefined) return [];
  return [
    'bearer tokens: made for this start, good for 12 hours. Set OIDC_ISSUER or JWT_SECRET for your own.',
    '',
    `admin: ${tokens.admin}`,
    `grower: ${tokens.grower}`,
    `service: ${tokens.service}`,
  ];
}

interface Example {
  readonly body: { readonly query: string; readonly variables?: Readonly<Record<string, unknown>> };
  readonly twice?: boolean;
  readonly token?: string;
}

/** A query, a batch that is answered from the cache the second time, a purge. */
function examples({ store, auth }: Config, tokens: DemoTokens | undefined): readonly Example[] {
  const hasDemoFleet = store.kind === 'embedded' && store.devicesFile === undefined;
  const ids = hasDemoFleet ? [DEMO_DEVICES.chain, DEMO_DEVICES.plain, 'unknown-device'] : ['your-device', 'your-other-device'];
  const purge: Example = {
    body: { query: 'mutation { invalidateCache(pattern: "device_meta:*") { status matched } }' },
    // Of another issuer's tokens only the user knows one.
    token: tokens?.admin ?? '$TOKEN',
  };
  return [
    { body: { query: '{ deviceListing(first: 3) { edges { node { id description deviceIds } } } }' } },
    {
      body: { query: 'query ($ids: [ID!]!) { devices(ids: $ids) { id visibility deviceIds } }', variables: { ids } },
      twice: true,
    },
    // Without tokens there is nobody who may.
    ...(auth.kind === 'none' ? [] : [purge]),
  ];
}

function curl(
  endpoint: string,
  body: Example['body'],
  { twice, token }: { readonly twice: boolean; readonly token: string | undefined },
): string {
  const words = ['curl -sS', quoted(endpoint)];
  if (twice) words.push(quoted(endpoint));
  // In double quotes, for the variable.
  if (token !== undefined) words.push(`-H "authorization: Bearer ${token}"`);
  words.push(`-H ${quoted('content-type: application/json')}`, `-d ${quoted(JSON.stringify(body))}`);
  if (twice) words.push(`-w ${quoted('%{time_total} s\\n')}`);
  return words.join(' ');
}

/** As one word of a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
