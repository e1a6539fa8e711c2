/**
 * The labelled connections to MongoDB and Redis, and their life. Every client connects in the background and for ever: what waits
 * for how long is decided where a connection is used. The settings are those with which a Redis that is refused, killed or frozen
 * fails at once instead of queueing; the defaults of every one of these clients hang.
 */
import type { Cluster, Redis } from 'ioredis';
import type { MongoClient } from 'mongodb';
import type { RedisClients, ValueClient, ValueConnection } from './cache/cache.js';
import type { RedisConfig } from './config.js';
import { parseSentinelUrl } from './config-redis.js';

/** Told of a connection's failure; `connection` says which. Called as often as it fails. */
export type OnConnectionError = (connection: string, error: unknown) => void;

const CONNECT_TIMEOUT_MS = 500;
/** A node-redis socket that hears nothing for so long, pings included, is given up. */
const SOCKET_TIMEOUT_MS = 500;
const PING_INTERVAL_MS = 200;
const COMMAND_TIMEOUT_MS = 300;
const LONGEST_RETRY_MS = 500;
/** How long MongoDB may be unreachable before a query fails. */
const SERVER_SELECTION_TIMEOUT_MS = 2_000;
/** Above what the server itself allows one operation. */
const MONGODB_SOCKET_TIMEOUT_MS = 8_000;
const WRITABLE_SERVERS: ReadonlySet<string> = new Set(['Standalone', 'RSPrimary', 'Mongos', 'LoadBalancer']);

function retryDelayMs(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 10), LONGEST_RETRY_MS);
}

export interface MongoConnection {
  readonly client: MongoClient;
  /** As the driver's monitoring sees it: whether there is a server that takes writes. */
  readonly isUp: () => boolean;
  close(): Promise<void>;
}

/** Opens MongoDB without waiting for it; the driver goes on trying by itself. Imported only where there is one. */
export async function openMongoDb(
  url: string,
  {
    monitorCommands,
    onUp,
  }: {
    readonly monitorCommands: boolean;
    /** Told when `isUp` has changed, until it is closed. */
    readonly onUp: (isUp: boolean) => void;
  },
): Promise<MongoConnection> {
  const { MongoClient } = await import('mongodb');
  const client = new MongoClient(url, {
    appName: 'opensensor-graphql',
    monitorCommands, // each command costs an event then
    serverSelectionTimeoutMS: SERVER_SELECTION_TIMEOUT_MS,
    connectTimeoutMS: SERVER_SELECTION_TIMEOUT_MS,
    // The limits that the server keeps itself say nothing while it is frozen.
    socketTimeoutMS: MONGODB_SOCKET_TIMEOUT_MS,
    readPreference: 'primary',
    writeConcern: { w: 'majority' },
  });
  let isUp = false;
  client.on('topologyDescriptionChanged', ({ newDescription }) => {
    const wasUp = isUp;
    isUp = [...newDescription.servers.values()].some(({ type }) => WRITABLE_SERVERS.has(type));
    if (isUp !== wasUp) onUp(isUp);
  });
  return {
    client,
    isUp: () => isUp,
    close() {
      // The driver tells of servers that it leaves as of servers that are gone.
      client.removeAllListeners('topologyDescriptionChanged');
      return client.close();
    },
  };
}

export interface RedisConnections extends RedisClients {
  close(): void;
}

/** Opens the three connections that the cache needs, without waiting for any. */
export async function openRedis(config: RedisConfig, onError: OnConnectionError): Promise<RedisConnections> {
  let isClosed = false;
  const values = await openValues(config, onError, () => isClosed);
  const commands = await openIoRedis(config, { commandTimeout: COMMAND_TIMEOUT_MS, socketTimeout: 2 * SOCKET_TIMEOUT_MS });
  commands.on('error', (error) => {
    onError('redis commands', error);
  });
  // No socket timeout: a connection that only listens may be silent for long. It misses at most a nudge.
  const subscriber = await openIoRedis(config, {});
  subscriber.on('error', (error) => {
    onError('redis subscriber', error);
  });
  return {
    values,
    commands,
    subscriber,
    close() {
      isClosed = true;
      void destroy(values.client);
      commands.disconnect();
      subscriber.disconnect();
    },
  };
}

/** What is used here of a node-redis client of any kind. */
interface NodeRedisClient extends ValueClient {
  on(event: 'error' | 'ping-interval', listener: (argument: unknown) => void): unknown;
  connect(): Promise<unknown>;
  destroy(): unknown;
}

async function openValues(
  config: RedisConfig,
  onError: OnConnectionError,
  isClosed: () => boolean,
): Promise<ValueConnection & { readonly client: NodeRedisClient }> {
  const client = await createNodeRedisClient(config);
  const onValueError = (error: unknown): void => {
    onError('redis values', error);
  };
  client.on('error', onValueError);
  // A connection that has lost or doubled an answer gives those of other questions from then on.
  client.on('ping-interval', (answer) => {
    if (answer === 'PONG') return;
    void destroy(client);
    void connectUntil(isClosed, client, onValueError);
  });
  void connectUntil(isClosed, client, onValueError);
  return { kind: config.kind, client };
}

async function createNodeRedisClient(config: RedisConfig): Promise<NodeRedisClient> {
  const { createClient, createCluster, createSentinel } = await import('@keyv/redis');
  const socket = { connectTimeout: CONNECT_TIMEOUT_MS, socketTimeout: SOCKET_TIMEOUT_MS, reconnectStrategy: retryDelayMs };
  const options = { socket, disableOfflineQueue: true, pingInterval: PING_INTERVAL_MS };
  switch (config.kind) {
    case 'single':
      return createClient({ ...options, url: config.urls[0] as string });
    case 'cluster':
      return createCluster({
        rootNodes: config.urls.map((url) => ({ url })),
        defaults: options,
      });
    case 'sentinel': {
      const { sentinels, master, database, username, password } = parseSentinelUrl(config.urls[0] as string);
      const credentials = { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
      return createSentinel({
        name: master,
        sentinelRootNodes: [...sentinels],
        nodeClientOptions: { ...options, ...credentials, database },
        sentinelClientOptions: { socket },
      });
    }
  }
}

/** Single clients retry by their strategy; a Cluster or Sentinel that has no node to ask at first gives up, and is asked again. */
async function connectUntil(
  isClosed: () => boolean,
  client: { connect(): Promise<unknown> },
  onError: (error: unknown) => void,
): Promise<void> {
  for (let attempt = 1; !isClosed(); attempt++) {
    try {
      await client.connect();
      return;
    } catch (error) {
      if (!isClosed()) onError(error);
      await new Promise((resolve) => setTimeout(resolve, retryDelayMs(attempt)).unref());
    }
  }
}

async function destroy(client: NodeRedisClient): Promise<void> {
  try {
    await client.destroy();
  } catch {
    // It was not open: a Cluster or Sentinel between two attempts.
  }
}

async function openIoRedis(
  config: RedisConfig,
  timeouts: { readonly commandTimeout?: number; readonly socketTimeout?: number },
): Promise<Redis | Cluster> {
  const { Cluster, Redis } = await import('./ioredis.js');
  const options = {
    ...timeouts,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false, // nobody would hold that promise; the bus subscribes whenever there is a new connection
    retryStrategy: retryDelayMs,
    maxLoadingRetryTime: LONGEST_RETRY_MS, // else as long as Redis guesses that it will go on loading
  };
  switch (config.kind) {
    case 'single':
      return new Redis(config.urls[0] as string, options);
    case 'cluster':
      return new Cluster(
        config.urls.map((url) => nodeOf(url)),
        {
          enableOfflineQueue: false,
          clusterRetryStrategy: retryDelayMs,
          redisOptions: { ...options, ...credentialsOf(config.urls[0] as string) },
        },
      );
    case 'sentinel': {
      const { sentinels, master, database, username, password } = parseSentinelUrl(config.urls[0] as string);
      return new Redis({
        ...options,
        sentinels: [...sentinels],
        name: master,
        db: database,
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
        sentinelRetryStrategy: retryDelayMs,
      });
    }
  }
}

function nodeOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379) };
}

function credentialsOf(url: string): { username?: string; password?: string; tls?: object } {
  const { username, password, protocol } = new URL(url);
  return {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  };
}
