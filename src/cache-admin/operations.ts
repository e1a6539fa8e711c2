/**
 * Looking at the cache and purging it: each operation with its permission check, once, for GraphQL and for the older API's routes.
 * Every purge is logged with who asked for it.
 */
import { hasPermission, type Permission, type Principal } from '../auth/principal.js';
import {
  type Asked,
  type Cache,
  type CacheSnapshot,
  type Dep,
  type Invalidation,
  InvalidationLostError,
  type KeyKind,
  literalFirstSegment,
  MAX_HISTORY,
} from '../cache/cache.js';
import type { Connection } from '../connection.js';
import { CodedError } from '../errors.js';
import type { CacheEntryExplanation } from './cache-entry-explanation.type.js';
import { type CacheEntry, positionOf, toEntryConnection } from './cache-entry.type.js';

/** The longest pattern, in bytes of UTF-8. */
export const MAX_PATTERN_BYTES = 1_024;
/** Bytes of a key behind its namespace: no id is longer. */
const MAX_KEY_BYTES = 1_024;
/** Ids that one `invalidateDevices` takes. */
const MAX_IDS = 1_000;
/** The subject of an OpenID token is no longer than this, in characters; of a longer one the beginning is kept. */
const MAX_ACTOR_LENGTH = 255;

/** What a log line says of a purge. */
export interface PurgeRecord {
  readonly actor: string;
  readonly pattern?: string;
  readonly ids?: number;
  readonly invalidation: string;
  readonly status: Invalidation['status'];
  readonly matched: number | null;
}

export interface CacheAdminOptions {
  readonly cache: Cache;
  /** Every namespace, with how what stands under its keys is judged. */
  readonly namespaces: Readonly<Record<string, KeyKind>>;
  /** What becomes unservable with a device id, as `devices` takes them. */
  readonly depsOfDevice: (id: string) => readonly Dep[];
  readonly onPurge: (record: PurgeRecord) => void;
}

export class CacheAdmin {
  readonly #options: CacheAdminOptions;

  constructor(options: CacheAdminOptions) {
    this.#options = options;
  }

  /** Needs `cache:read`. */
  async stats(principal: Principal): Promise<CacheSnapshot> {
    requirePermission(principal, 'cache:read');
    return this.#options.cache.snapshot();
  }

  /** Needs `cache:read`. @param after a cursor of a page with the same pattern. */
  async entries(
    principal: Principal,
    { pattern, first, after }: { readonly pattern: string; readonly first: number; readonly after: string | undefined },
  ): Promise<Connection<CacheEntry>> {
    requirePermission(principal, 'cache:read');
    this.#checkPattern(pattern);
    if (first < 1) throw new CodedError('BAD_USER_INPUT', 'first must be 1 or more.');
    const from = positionOf(pattern, after);
    const page = await unlessRedisFails(this.#options.cache.entries(pattern, first, from));
    if (page === undefined) throw new CodedError('BAD_USER_INPUT', 'after: not a cursor of this list.');
    return toEntryConnection(page, { pattern, from });
  }

  /** Needs `cache:read`. */
  async findInvalidation(principal: Principal, id: string): Promise<Invalidation | null> {
    requirePermission(principal, 'cache:read');
    return unlessRedisFails(this.#options.cache.findInvalidation(id));
  }

  /** Needs `cache:read`. What was asked for in the last day, newest first. */
  async history(principal: Principal, first: number): Promise<readonly Invalidation[]> {
    requirePermission(principal, 'cache:read');
    if (first < 1) throw new CodedError('BAD_USER_INPUT', 'first must be 1 or more.');
    if (first > MAX_HISTORY) throw limitExceeded('first', MAX_HISTORY);
    return unlessRedisFails(this.#options.cache.history(first));
  }

  /** Needs `cache:read`. */
  async explain(principal: Principal, key: string): Promise<CacheEntryExplanation> {
    requirePermission(principal, 'cache:read');
    const { cache, namespaces } = this.#options;
    const name = cache.namespaceOf(key);
    const kind = name === undefined ? undefined : namespaces[name];
    if (name === undefined || kind === undefined) throw unknownNamespace('key', namespaces);
    if (Buffer.byteLength(key) > name.length + 1 + MAX_KEY_BYTES) {
      throw new CodedError(
        'BAD_USER_INPUT',
        `key: longer than any key, which has ${MAX_KEY_BYTES} bytes behind its namespace at most.`,
      );
    }
    return { key, ...(await cache.explain(key, kind)) };
  }

  /** Needs `cache:admin`. */
  async clear(principal: Principal): Promise<Invalidation> {
    return this.invalidate(principal, '*', { dryRun: false });
  }

  /** Needs `cache:admin`. */
  async invalidate(principal: Principal, pattern: string, { dryRun }: { readonly dryRun: boolean }): Promise<Invalidation> {
    requirePermission(principal, 'cache:admin');
    this.#checkPattern(pattern);
    const { cache } = this.#options;
    if (dryRun) return cache.dryRun(pattern);
    return this.#purge(principal, { pattern }, (asked) => cache.invalidatePattern(pattern, asked));
  }

  /** Needs `cache:admin`. */
  async invalidateDevices(principal: Principal, ids: readonly string[]): Promise<Invalidation> {
    requirePermission(principal, 'cache:admin');
    if (ids.length === 0) throw new CodedError('BAD_USER_INPUT', 'ids: name at least one device.');
    if (ids.length > MAX_IDS) throw limitExceeded('ids', MAX_IDS);
    const deps = new Map(ids.flatMap((id) => this.#options.depsOfDevice(id)).map((dep) => [JSON.stringify(dep), dep]));
    return this.#purge(principal, { ids: ids.length }, (asked) => this.#options.cache.invalidate([...deps.values()], asked));
  }

  async #purge(
    principal: Principal,
    what: { readonly pattern?: string; readonly ids?: number },
    purge: (asked: Asked) => Promise<Invalidation>,
  ): Promise<Invalidation> {
    const actor = (principal.kind === 'ANONYMOUS' ? 'anonymous' : principal.id).slice(0, MAX_ACTOR_LENGTH);
    try {
      const invalidation = await purge({ actor, ids: what.ids });
      const { id, status, matched } = invalidation;
      this.#options.onPurge({ actor, ...what, invalidation: id, status, matched });
      return invalidation;
    } catch (error) {
      if (!(error instanceof InvalidationLostError)) throw error;
      throw new CodedError(
        'CACHE_UNAVAILABLE',
        'Redis did not confirm the purge and it is not on record: what it names may still be served. Try again when Redis is back.',
        { cause: error },
      );
    }
  }

  #checkPattern(pattern: string): void {
    if (pattern === '') throw new CodedError('BAD_USER_INPUT', 'pattern: must not be empty; `*` means everything.');
    if (Buffer.byteLength(pattern) > MAX_PATTERN_BYTES) throw limitExceeded('pattern', MAX_PATTERN_BYTES);
    const segment = literalFirstSegment(pattern);
    const { namespaces } = this.#options;
    if (segment !== undefined && !Object.hasOwn(namespaces, segment)) throw unknownNamespace('pattern', namespaces);
  }
}

/** Throws `UNAUTHENTICATED` for an anonymous principal, `FORBIDDEN` for another without the permission. */
export function requirePermission(principal: Principal, permission: Permission): void {
  if (principal.kind === 'ANONYMOUS')
    throw new CodedError('UNAUTHENTICATED', `This needs a token with the permission ${permission}.`);
  if (!hasPermission(principal, permission)) throw new CodedError('FORBIDDEN', `This needs the permission ${permission}.`);
}

function unknownNamespace(argument: string, namespaces: Readonly<Record<string, KeyKind>>): CodedError {
  const beginnings = Object.keys(namespaces).map((name) => `${name}:`);
  return new CodedError(
    'BAD_USER_INPUT',
    `${argument}: no key begins like this. A key begins with one of ${beginnings.join(', ')}.`,
  );
}

function limitExceeded(limit: string, max: number): CodedError {
  return new CodedError('LIMIT_EXCEEDED', `The ${limit} is over its limit of ${max}.`, { details: { limit, max } });
}

async function unlessRedisFails<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new CodedError('CACHE_UNAVAILABLE', 'Redis can not be asked now. Try again when it is back.', { cause: error });
  }
}
