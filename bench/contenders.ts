/**
 * The servers that `responses` lets answer the same requests, one process each: node:http with ready bytes, this server by where it
 * finds the answer, and its peers. Says of each what it is called, how it is started, and whether it may have the answer ready.
 */
import { readFileSync } from 'node:fs';
import { freePort } from '../test/harness/ports.js';
import { environment, type Parts, type Server, startServer, urlOfRedis } from './parts.js';
import { startProcess } from './processes.js';
import { type WireRequest } from './wire.js';

export interface Contender {
  readonly name: string;
  /** Whether it has answered the same requests before; else each request is new. */
  readonly isHit: boolean;
  /** What the answers of this server say of themselves in `cache-status`. */
  readonly cacheStatus?: RegExp;
  readonly start: (parts: Parts) => Promise<Server>;
}

const PEERS = {
  apollo: new URL('./peers/apollo.mjs', import.meta.url),
  yoga: new URL('./peers/yoga.mjs', import.meta.url),
  mercurius: new URL('./peers/mercurius.mjs', import.meta.url),
  limit: new URL('./peers/limit.mjs', import.meta.url),
};

const PEER_PACKAGES = [
  '@apollo/server',
  '@as-integrations/fastify',
  '@apollo/server-plugin-response-cache',
  '@apollo/utils.keyvadapter',
  '@keyv/redis',
  'graphql-yoga',
  '@graphql-yoga/plugin-response-cache',
  '@envelop/response-cache-redis',
  'mercurius',
  'mercurius-cache',
];

/** `mercurius 16.10.1, …`: those that are installed, which are exact versions. */
export function peerVersions(): string {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  ) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
  const installed: Record<string, string | undefined> = { ...dependencies, ...devDependencies };
  return PEER_PACKAGES.filter((name) => installed[name] !== undefined)
    .map((name) => `${name} ${installed[name]!}`)
    .join(', ');
}

const RESPONSE_TTL_SECONDS = '3000';

/** This server without a response cache, whose bodies are right by definition. */
export const UNCACHED: Contender = {
  name: 'this server, response cache off',
  isHit: false,
  start: ours({ CACHE_RESPONSE_TTL_SECONDS: '0', CACHE_PREFIX: 'responses-off:' }),
};

export const OURS = {
  l1: {
    name: 'this server, L1 hit',
    isHit: true,
    cacheStatus: /; hit\b.*\bdetail=l1/,
    start: ours({ CACHE_PREFIX: 'responses:' }),
  },
  /** Of the same fleet: without memory it sees nothing a second time, so it is the other pod that fills Redis. */
  l2: {
    name: 'this server, L2 hit',
    isHit: true,
    cacheStatus: /; hit\b.*\bdetail=l2/,
    start: ours({ CACHE_PREFIX: 'responses:', CACHE_L1_MAX_BYTES: '1' }),
  },
  miss: {
    name: 'this server, miss',
    isHit: false,
    cacheStatus: /; fwd=miss\b/,
    start: ours({ CACHE_PREFIX: 'responses-miss:' }),
  },
} as const satisfies Record<string, Contender>;

export const PEER_HITS: readonly Contender[] = [
  { name: 'Apollo Server, Redis hit', isHit: true, start: peer(PEERS.apollo, { CACHED: 'yes' }) },
  { name: 'GraphQL Yoga, Redis hit', isHit: true, start: peer(PEERS.yoga, { CACHED: 'yes' }) },
  { name: 'Mercurius, Redis hit', isHit: true, start: peer(PEERS.mercurius, { CACHED: 'yes' }) },
];

export const PEER_MISSES = {
  apollo: { name: 'Apollo Server, no cache', isHit: false, start: peer(PEERS.apollo, {}) },
  mercurius: { name: 'Mercurius JIT, no cache', isHit: false, start: peer(PEERS.mercurius, {}) },
} as const satisfies Record<string, Contender>;

export const LIMIT_NAME = 'node:http, the same bytes';

/** @param bodyFile holds the one answer that it gives to everything. */
export function limit(bodyFile: string): Contender {
  return { name: LIMIT_NAME, isHit: true, start: peer(PEERS.limit, { BODY_FILE: bodyFile }) };
}

/** Without a line in the log for each request, as the peers. */
function ours(env: Readonly<Record<string, string>>): Contender['start'] {
  return (parts) =>
    startServer(parts.cores, {
      env: { ...environment(parts), CACHE_RESPONSE_TTL_SECONDS: RESPONSE_TTL_SECONDS, LOG_LEVEL: 'warn', ...env },
      place: 'measured',
    });
}

function peer(script: URL, env: Readonly<Record<string, string>>): Contender['start'] {
  return async ({ cores, redisPort, devicesFile }) => {
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const started = await startProcess({
      command: cores.command('measured', process.execPath, [script.pathname]),
      env: {
        NODE_ENV: 'production',
        PORT: String(port),
        REDIS_URL: urlOfRedis(redisPort),
        DEVICES_FILE: devicesFile,
        ...env,
      },
      quiet: true,
      isReady: async () => (await fetch(origin)).status > 0,
    });
    return {
      url: `${origin}/graphql`,
      pid: started.pid,
      freeze: () => started.freeze(),
      thaw: () => started.thaw(),
      stop: () => started.stop(),
    };
  };
}

export interface ContenderAnswer {
  readonly text: string;
  readonly cacheStatus: string | null;
}

/** Rejects when the answer isn't one without errors. */
export async function askContender(server: Server, { method, path, body }: WireRequest): Promise<ContenderAnswer> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(new URL(path, server.url), { method, headers, ...(body !== undefined && { body }) });
  const text = (await response.text()).trimEnd();
  if (response.status !== 200 || !text.startsWith('{"data":')) throw new Error(`${response.status}: ${text.slice(0, 500)}`);
  return { text, cacheStatus: response.headers.get('cache-status') };
}
