/** The built server's cache, opened in the process of the benchmark over a Redis of its own connections. For `batch-read.ts` and `layers.ts`. */
import type * as cacheModule from '../src/cache/cache.js';
import type * as connectionsModule from '../src/connections.js';
import type { DeviceRecord } from '../src/devices/device.store.js';
import { tagsOfDevice } from '../src/devices/device.tags.js';
import { urlOfRedis } from './parts.js';

export const NAMESPACE = { name: 'device_meta', valueVersion: 1, ttlSeconds: 3_000, negativeTtlSeconds: 30, graceSeconds: 0 };

export interface OwnCache {
  readonly cache: cacheModule.Cache;
  /** The client that carries the values. */
  readonly client: cacheModule.ValueClient;
  /** Of one request. */
  budget(): cacheModule.Budget;
  close(): Promise<void>;
}

/** @param l1MaxBytes 1 where nothing shall fit, so that every read goes to Redis. */
export async function openOwnCache(
  redisPort: number,
  { prefix, l1MaxBytes }: { prefix: string; l1MaxBytes: number },
): Promise<OwnCache> {
  const { openRedis } = await built<typeof connectionsModule>('connections.js');
  const { Budget, createCache, MemoryOutbox } = await built<typeof cacheModule>('cache/cache.js');
  const onError = (error: unknown): void => {
    console.error(error);
  };
  const redis = await openRedis({ kind: 'single', urls: [urlOfRedis(redisPort)] }, (_connection, error) => {
    onError(error);
  });
  const cache = await createCache({
    redis,
    prefix,
    namespaces: [NAMESPACE.name],
    l1MaxBytes,
    outbox: new MemoryOutbox(),
    onInvalidation: () => undefined,
    podName: 'bench',
    version: '0',
    onLease: () => undefined,
    onError,
  });
  await cache.start();
  return {
    cache,
    client: redis.values.client,
    budget: () => new Budget(10_000),
    async close() {
      await cache.close();
      redis.close();
    },
  };
}

/** What the database would have said about one id. */
export function loaded(id: string): { value: DeviceRecord; tags: string[] } {
  const [deviceId = '', name = ''] = id.split('|');
  const device = {
    owner: '1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b',
    deviceId,
    name,
    description: `Soil moisture and temperature of ${name}.`,
    isPrivate: false,
    deviceIds: [deviceId],
  };
  return { value: device, tags: tagsOfDevice(id, device) };
}

/** A module of the built server. */
async function built<Module>(path: string): Promise<Module> {
  return (await import(new URL(`../dist/${path}`, import.meta.url).href)) as Module;
}
