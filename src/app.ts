/**
 * The composition root: builds every part in order, each from those before it, and closes them in reverse. The only file that knows
 * them all. It reads no environment and handles no signal; that is `main.ts`.
 */
import { readFile } from 'node:fs/promises';
import { apiKeyNamespace, createApiKeyFinder } from './auth/api-key.js';
import { createAuthenticator } from './auth/authenticator.js';
import {
  BODY_VERSION,
  type Cache,
  createCache,
  type KeyKind,
  MemoryOutbox,
  MongoOutbox,
  type Outbox,
  withDeadline,
} from './cache/cache.js';
import { CacheAdminResolver } from './cache-admin/cache-admin.resolver.js';
import { CacheAdmin } from './cache-admin/operations.js';
import type { Config } from './config.js';
import { openMongoDb, openRedis } from './connections.js';
import { DatabaseReadiness } from './database-readiness.js';
import { DeviceChanges } from './devices/device.changes.js';
import { deviceLoaders, deviceNamespace } from './devices/device.loaders.js';
import { DeviceResolver, ViewerResolver } from './devices/device.resolver.js';
import type { DeviceStore } from './devices/device.store.js';
import { depsOfDevice } from './devices/device.tags.js';
import { listingNamespace } from './devices/listing.reader.js';
import { openEmbeddedStore, openMongoStore } from './devices/open-store.js';
import { ApqCache, isNamedBy } from './graphql/apq-cache.js';
import { compiledQueries } from './graphql/compiled-queries.js';
import { landingPage } from './graphql/landing-page.js';
import { LIMITS } from './graphql/limits.js';
import { buildServerSchema } from './graphql/schema.js';
import { createApolloServer } from './graphql/server.js';
import { type AdminSettings, readAdminPage } from './http/admin-page.js';
import { createHttpServer } from './http/server.js';
import type { Logger } from './log.js';
import { Metrics } from './metrics/metrics.js';
import { Hints } from './response-cache/hints.js';
import { responseCachePlugin } from './response-cache/plugin.js';
import { ResponseCache } from './response-cache/response-cache.js';
import { SurrogateKeys } from './response-cache/surrogate-keys.js';
import { Throttle } from './throttle.js';
import type { Tracing } from './tracing/tracing.js';

/** The longest that the database may take to say that it is there, before it is asked again. */
const PING_DEADLINE_MS = 5_000;
/** Built, from wherever this file is run. */
const ADMIN_PAGE = new URL('../dist/admin/', import.meta.url);

/** Every namespace of the cache, and how what stands under its keys is judged. */
function namespacesOf(lifetimes: Config['cache']): Readonly<Record<string, KeyKind>> {
  return {
    api_key: apiKeyNamespace(lifetimes),
    apq: { accepts: isNamedBy },
    device_listing: listingNamespace(lifetimes),
    device_meta: deviceNamespace(lifetimes),
    response: { valueVersion: BODY_VERSION, graceSeconds: 0 },
  };
}

export interface RunningApp {
  readonly url: string;
  /** Serves what has been asked, then ends every part. Called again, it waits for the same end. */
  close(): Promise<void>;
}

/** Rejects when the server can't start: a port that is taken, a file that can't be read. A database that is away is waited for. */
export async function startApp(config: Config, logger: Logger): Promise<RunningApp> {
  const closers: (() => unknown)[] = [];
  const closeParts = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const version = await readVersion();
    const tracing = await openTraces(config, version, logger);
    // First, so that it is closed last: what is asked for meanwhile is traced too.
    if (tracing !== undefined) closers.push(() => tracing.close());
    const { store, readiness, outbox } = await openDatabase(config, { logger, tracing }, closers);
    const metrics = new Metrics();
    const cache = await openCache(config, { version, outbox, metrics, logger, tracing }, closers);
    metrics.watch({ figures: () => cache.figures(), isDatabaseUp: () => readiness.state !== 'down' });

    const { ttlSeconds, negativeTtlSeconds, graceSeconds } = config.cache;
    const findApiKey = createApiKeyFinder({ store, cache, ttlSeconds, negativeTtlSeconds });
    const authenticator = createAuthenticator(config.auth, { findApiKey });
    closers.push(() => {
      authenticator.close();
    });

    const cacheAdmin = new CacheAdmin({
      cache,
      namespaces: namespacesOf(config.cache),
      depsOfDevice,
      onPurge: (purge) => {
        logger.info(purge, 'cache purged');
      },
    });
    const loadersFor = deviceLoaders({ store, cache, lifetimes: { ttlSeconds, negativeTtlSeconds, graceSeconds } });
    const resolvers = [
      new DeviceResolver(new DeviceChanges(store, cache)),
      new ViewerResolver(),
      new CacheAdminResolver(cacheAdmin),
    ];
    const apqCache = new ApqCache(cache, config.cache.budgetMs);
    const schema = buildServerSchema(resolvers);
    const hints = new Hints(schema, config.cache.responseHints);
    const apollo = createApolloServer({
      schema,
      apqCache,
      production: config.production,
      logger,
      limits: LIMITS,
      landingPage: landingPage(),
    });

    const responses = new ResponseCache({
      bodies: cache.bodies,
      counts: cache.countersOf('response'),
      ttlSeconds: config.cache.responseTtlSeconds,
      version,
      typeHints: config.cache.responseHints,
      surrogateKeys: config.cache.surrogateKeys === undefined ? undefined : new SurrogateKeys(config.cache.surrogateKeys),
    });
    apollo.addPlugin(apqCache.plugin());
    // In this order: what is stored is not executed.
    apollo.addPlugin(responseCachePlugin(hints));
    apollo.addPlugin(compiledQueries());
    tracing?.traceGraphQL(apollo);

    const http = createHttpServer({
      config: { ...config.http, budgetMs: config.cache.budgetMs },
      logger,
      authenticator,
      apollo,
      contextFor: (request) => ({ request, devices: loadersFor(request) }),
      cacheAdmin,
      adminPage: await readAdminPage(ADMIN_PAGE, adminSettings(config)),
      metrics,
      tracing,
      responses,
      health: {
        state: () => ({
          status: readiness.hasAnswered ? 'ready' : 'starting',
          mongodb: readiness.state,
          redis: { EMBEDDED: 'embedded', CONNECTED: 'up', DEGRADED: 'down' }[cache.status] as 'embedded' | 'up' | 'down',
          cache: cache.status.toLowerCase() as 'connected' | 'degraded' | 'embedded',
        }),
      },
    });
    await apollo.start();
    closers.push(() => apollo.stop());
    // As late as this, because building a schema holds the event loop up for longer than a lease lasts.
    await cache.start();
    const url = await http.listen();
    closers.push(() => http.drain());

    let closed: Promise<void> | undefined;
    return { url, close: () => (closed ??= closeParts()) };
  } catch (error) {
    await closeParts();
    throw error;
  }
}

function adminSettings({ auth, store, adminClientId }: Config): AdminSettings {
  return {
    tokens: auth.kind,
    database: store.kind === 'mongodb' ? 'MongoDB' : 'the embedded store',
    signIn: auth.kind === 'oidc' && adminClientId !== undefined ? { issuer: auth.issuer, clientId: adminClientId } : null,
  };
}

/** The SDK and all that belongs to it are loaded only where traces are asked for. */
async function openTraces({ tracing, podName }: Config, version: string, logger: Logger): Promise<Tracing | undefined> {
  if (tracing === undefined) return undefined;
  const { openTracing } = await import('./tracing/open-tracing.js');
  return openTracing(tracing, { version, podName, logger });
}

async function openDatabase(
  { store: config }: Config,
  { logger, tracing }: { readonly logger: Logger; readonly tracing: Tracing | undefined },
  closers: (() => unknown)[],
): Promise<{ store: DeviceStore; readiness: DatabaseReadiness; outbox: Outbox }> {
  if (config.kind === 'embedded') {
    const store = await openEmbeddedStore(config.devicesFile);
    return { store, readiness: DatabaseReadiness.embedded(), outbox: new MemoryOutbox() };
  }
  const connection = await openMongoDb(config.url, {
    monitorCommands: tracing !== undefined,
    onUp: (isNowUp) => {
      if (isNowUp) logger.info('the database can be asked');
      else logger.warn('the database can not be asked: what is not cached fails, and so do changes');
    },
  });
  const { client, isUp } = connection;
  tracing?.traceMongoDb(client);
  closers.push(() => connection.close());
  const db = client.db(config.database);
  const { store, prepare } = await openMongoStore(db);
  const outbox = new MongoOutbox(db);
  const readiness = DatabaseReadiness.of({
    ping: async () => {
      // The driver connects with the first operation, and where that fails it never does so again unless it is told to.
      await withDeadline(client.connect(), PING_DEADLINE_MS);
      await withDeadline(db.command({ ping: 1 }), PING_DEADLINE_MS);
    },
    isUp,
    prepare: async () => {
      await outbox.ensureIndexes();
      await prepare();
    },
    logger,
  });
  closers.push(() => {
    readiness.close();
  });
  return { store, readiness, outbox };
}

async function openCache(
  { cache: config, podName }: Config,
  {
    version,
    outbox,
    metrics,
    logger,
    tracing,
  }: {
    readonly version: string;
    readonly outbox: Outbox;
    readonly metrics: Metrics;
    readonly logger: Logger;
    readonly tracing: Tracing | undefined;
  },
  closers: (() => unknown)[],
): Promise<Cache> {
  const throttle = new Throttle();
  const warn = (source: string, err: unknown): void => {
    if (throttle.admits(source)) logger.warn({ err, connection: source }, 'Redis failed');
  };
  const redis = config.redis === undefined ? undefined : await openRedis(config.redis, warn);
  if (redis !== undefined) {
    closers.push(() => {
      redis.close();
    });
  }
  const cache = await createCache({
    redis,
    prefix: config.prefix,
    namespaces: Object.keys(namespacesOf(config)),
    l1MaxBytes: config.l1MaxBytes,
    podName,
    outbox,
    onInvalidation: (invalidation) => {
      metrics.invalidationAnswered(invalidation);
    },
    version,
    observeLookup: tracing?.observeLookup,
    onLease: (held, reason) => {
      if (held) logger.info('the cache is in use');
      else logger.warn({ err: reason }, 'the cache is not trusted: answers come from the database until Redis is back');
    },
    onError: (error) => {
      warn('redis cache', error);
    },
  });
  closers.push(() => cache.close());
  return cache;
}

async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
