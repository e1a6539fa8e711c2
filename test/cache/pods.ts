/** Caches as the server builds them, each with connections of its own: several over one Redis are pods of one fleet. */
import { type Cache, createCache, MemoryOutbox, type NamespaceCounters, type Outbox } from '../../src/cache/cache.js';
import { openRedis, type RedisConnections } from '../../src/connections.js';
import { track } from '../harness/registry.js';

export const PREFIX = 'opensensor-graphql:';
export const NAMESPACES = ['device_meta', 'device_listing', 'api_key', 'apq'];

export interface PodOptions {
  readonly prefix?: string;
  readonly l1MaxBytes?: number;
  /** Default: in this process's memory. */
  readonly outbox?: Outbox;
  /** Default: it is started, and has its lease if Redis is there. */
  readonly start?: boolean;
}

export interface Pod {
  readonly name: string;
  readonly cache: Cache;
  /** Undefined in a cache of this process alone. */
  readonly connections: RedisConnections | undefined;
  /** Every lease won (true) and lost (false), in order. */
  readonly leases: boolean[];
  /** What it was told of failures. */
  readonly errors: unknown[];
  close(): Promise<void>;
}

/** Opens a pod, closed after the test like everything of the harness. @param url undefined: the embedded cache. */
export async function openPod(name: string, url: string | undefined, options: PodOptions = {}): Promise<Pod> {
  const { prefix = PREFIX, l1MaxBytes = 64 * 2 ** 20, outbox = new MemoryOutbox(), start = true } = options;
  const leases: boolean[] = [];
  const errors: unknown[] = [];
  const connections =
    url === undefined ? undefined : await openRedis({ kind: 'single', urls: [url] }, (_connection, error) => errors.push(error));
  const cache = await createCache({
    redis: connections,
    prefix,
    namespaces: NAMESPACES,
    l1MaxBytes,
    outbox,
    onInvalidation: () => undefined,
    podName: name,
    version: '0.0.0',
    onLease: (held) => leases.push(held),
    onError: (error) => errors.push(error),
  });
  let closed: Promise<void> | undefined;
  const close = () =>
    (closed ??= cache.close().finally(() => {
      connections?.close();
    }));
  track({ name: `pod ${name}`, close });
  if (start) await cache.start();
  return { name, cache, connections, leases, errors, close };
}

/** What a cache has counted of one namespace, as it stands now. */
export async function counters(cache: Cache, namespace: string): Promise<NamespaceCounters> {
  const { pods } = await cache.snapshot();
  return { ...pods[0]!.namespaces.get(namespace)! };
}
