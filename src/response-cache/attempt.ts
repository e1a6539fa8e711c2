/**
 * One request's way through the response cache, when its answer was not found by its bytes: looked up once Apollo Server has accepted
 * the operation, then executed by this request, by one that is under way, or by another pod; and kept, if it may be. Made by
 * `response-cache.ts`; it must be ended, or those who wait for it wait in vain.
 */
import { hash } from 'node:crypto';
import type { Principal } from '../auth/principal.js';
import type { LRUCache } from 'lru-cache';
import {
  type Begun,
  type Bodies,
  type BodyEntry,
  bodyEntry,
  type BodyHit,
  type Budget,
  freshForMs,
  JITTER,
  type CounterName,
  type NamespaceCounters,
} from '../cache/cache.js';
import type { Aliases } from './aliases.js';
import type { Forwarded } from './cache-status.js';
import type { Explanation } from './debugging.js';
import type { Executions } from './executions.js';
import type { CacheHint, TypeHints } from './hints.js';
import type { RequestDirectives } from './request-directives.js';
import { canonicalKey, type ResponseKeys, responseKeys } from './response-keys.js';
import type { SurrogateKeys } from './surrogate-keys.js';

/** Larger ones, with all that they depend on, would push out too much. */
const MAX_RESPONSE_BYTES = 1_048_576;
const MAX_DEPS = 10_000;
/** An execution that was overtaken by an invalidation, and the next, which begins after all who waited for the first have come. */
const MAX_JOINS = 2;

export interface ResponseCacheOptions {
  readonly bodies: Bodies;
  /** Of the namespace `response`. A look-up is one request. */
  readonly counts: NamespaceCounters;
  /** `CACHE_RESPONSE_TTL_SECONDS`; 0: nothing is stored. */
  readonly ttlSeconds: number;
  /** Of the server. */
  readonly version: string;
  /** Undefined: answers carry none. */
  readonly surrogateKeys?: SurrogateKeys | undefined;
  /** `CACHE_RESPONSE_HINTS`. Default: none. */
  readonly typeHints?: TypeHints;
}

export interface AttemptParts extends ResponseCacheOptions {
  /** Of server: one that would answer otherwise, or keep it otherwise, has other responses. */
  readonly kind: string;
  readonly aliases: Aliases;
  readonly executions: Executions;
  /** Whether the last answer of an operation was its caller's own; decides only whom a request waits for. */
  readonly scopes: LRUCache<string, 'everyone' | 'caller'>;
}

/** What is read of a request's scope, none of which leaves a mark on the answer. */
export interface CacheableRequest {
  /** Its way through the response cache, put here for the plugin. */
  attempt: Attempt | undefined;
  readonly cacheBudget: Budget;
  readonly caller: Principal | undefined;
  readonly isPrivate: boolean;
  readonly isNoStore: boolean;
  /** Whether the answer must not be served past its time, whatever the hints say. */
  readonly isNeverStale: boolean;
  readonly deps: ReadonlySet<string>;
  /** What of that its client may know of. */
  readonly toldDeps: ReadonlySet<string>;
  readonly freshForMs: number;
  readonly staleAgeSeconds: number | undefined;
}

export interface AttemptOptions {
  readonly directives: RequestDirectives;
  /** What the request is known by; undefined for one that shall not be. */
  readonly aliasName: string | undefined;
  /** The operation that was looked up and not found just now, by the request's bytes. */
  readonly missed: string | undefined;
  /** The answer will be explained and must not be stored. */
  readonly isDebugged: boolean;
  /** The stored answer that this makes anew, for nobody who waits. */
  readonly revalidated?: BodyEntry | undefined;
}

export interface AcceptedOperation {
  readonly type: 'query' | 'mutation' | 'subscription';
  /** SHA-256 of the document's text. */
  readonly documentHash: string;
  readonly name: string | undefined;
  readonly variables: unknown;
  readonly extensions: Readonly<Record<string, unknown>> | undefined;
  readonly hint: () => CacheHint;
}

export interface FinishedAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: string;
}

export class Attempt {
  readonly #cache: AttemptParts;
  readonly #request: CacheableRequest;
  readonly #options: AttemptOptions;
  #forwarded: Forwarded = { fwd: 'bypass' };
  #hit: BodyHit | undefined;
  #operation: { readonly canonical: string; readonly name: string | undefined; readonly hint: CacheHint } | undefined;
  #keys: ResponseKeys | undefined;
  #begun: Begun | undefined;
  #endExecution: ((entry: BodyEntry | undefined) => boolean) | undefined;
  #hasClaim = false;
  #isEnded = false;
  #entry: BodyEntry | undefined;
  #reason: string | undefined = 'it is no query, or has extensions, or the cache is off or not trusted now';

  constructor(cache: AttemptParts, request: CacheableRequest, options: AttemptOptions) {
    this.#cache = cache;
    this.#request = request;
    this.#options = options;
  }

  /** What was found in place of an execution. */
  get hit(): BodyHit | undefined {
    return this.#hit;
  }

  /** What became of a request that was not answered by a stored response. */
  get forwarded(): Forwarded {
    return this.#forwarded;
  }

  /** Why it was, or was not, stored. To be called when it has ended. */
  explain(): Explanation {
    const { isPrivate } = this.#request;
    const hintIsPrivate = this.#operation?.hint.isPrivate === true;
    const entry = this.#hit?.entry ?? this.#entry;
    const isCallersOwn = this.#hit === undefined ? isPrivate || hintIsPrivate : entry?.k === this.#keys?.[1];
    return {
      source: this.#hit === undefined ? 'subgraph' : 'cache',
      entry,
      isCallersOwn,
      decidedBy: hintIsPrivate
        ? 'a hint, scope: PRIVATE'
        : isCallersOwn
          ? 'a resolver asked who asks'
          : 'no resolver asked who asks',
      reason: this.#hit === undefined ? this.#reason : undefined,
      tier: this.#hit?.tier,
    };
  }

  /** Called for an operation that may be executed. True: it need not be, and `hit` is the answer. */
  async find(operation: AcceptedOperation): Promise<boolean> {
    const { bodies } = this.#cache;
    const { caller } = this.#request;
    const { noCache } = this.#options.directives;
    if (operation.type !== 'query' || caller === undefined || this.#cache.ttlSeconds === 0) return false;
    const canonical = hasOnlyPersistedQuery(operation.extensions)
      ? canonicalKey(this.#cache.kind, operation.documentHash, operation.name ?? '', operation.variables)
      : undefined;
    if (canonical === undefined || !bodies.isTrusted) {
      this.#count('bypassed');
      return false;
    }
    const keys = responseKeys(canonical, caller);
    this.#keys = keys;
    this.#operation = { canonical, name: operation.name, hint: operation.hint() };
    this.#forwarded = noCache ? { fwd: 'request', stored: false } : { fwd: 'miss', stored: false };
    if (!noCache) {
      const hit = bodies.inMemory(keys) ?? (this.#options.missed === canonical ? undefined : await this.#inStore(keys));
      if (hit !== undefined) {
        this.#count(`${hit.tier}Hits`);
        return this.#answerWith(hit);
      }
    }
    this.#count('misses');
    if (await this.#collapse(canonical, keys)) return true;
    this.#begun = bodies.begin();
    this.#cache.counts.loads++;
    return false;
  }

  /**
   * Called with Apollo Server's answer, and in any case; the first call counts. Keeps the answer, if it may be kept, and tells those who
   * wait for it.
   * @param answer undefined when there is none that could be kept.
   * @returns the same answer as an entry, whether it is kept or not; undefined for one that could not be.
   */
  end(answer: FinishedAnswer | undefined): BodyEntry | undefined {
    if (this.#isEnded) return undefined;
    this.#isEnded = true;
    const entry = answer === undefined ? undefined : this.#entryFor(answer);
    const { isDebugged, revalidated } = this.#options;
    const isStored = entry !== undefined && !isDebugged && this.#cache.bodies.keep(entry, revalidated !== undefined);
    this.#entry = entry;
    if (this.#request.staleAgeSeconds !== undefined) this.#forwarded = { fwd: 'stale' };
    else if (isStored && 'stored' in this.#forwarded) this.#forwarded = { ...this.#forwarded, stored: true };
    if (answer !== undefined && (isStored || this.#hit !== undefined)) this.#learnAlias(answer);
    const kept = isStored ? entry : undefined;
    const inPlace = kept ?? this.#hit?.entry;
    // What has become its caller's own, say: else the other one would be served again once this is past its time.
    if (revalidated !== undefined && inPlace !== undefined && inPlace.k !== revalidated.k)
      void this.#cache.bodies.forget(revalidated.k);
    const isWanted = this.#endExecution?.(entry) ?? false;
    // Somebody has asked for it a second time already.
    if (isWanted && kept !== undefined) void this.#cache.bodies.admit(kept);
    if (this.#hasClaim && this.#keys !== undefined) {
      const forAll = kept?.k === this.#keys[0] ? kept : undefined;
      void this.#cache.bodies.release(this.#keys[0], forAll);
    }
    return entry;
  }

  /** A look-up is one request, and who makes an answer anew has asked for it before. */
  #count(what: Exclude<CounterName, 'loads'>): void {
    if (this.#options.revalidated === undefined) this.#cache.counts[what]++;
  }

  /** What Redis has; or this pod's memory by then, of an execution that began after it was looked at and has ended. */
  async #inStore(keys: ResponseKeys): Promise<BodyHit | undefined> {
    const { bodies } = this.#cache;
    return (await bodies.inStore(keys, this.#request.cacheBudget)) ?? bodies.inMemory(keys);
  }

  /** Lets another request's execution answer, in this pod or, for what is everyone's, in another. */
  async #collapse(canonical: string, keys: ResponseKeys): Promise<boolean> {
    const { bodies, executions, scopes } = this.#cache;
    const [everyone, callersOwn] = keys;
    const isCallersOwn = scopes.get(canonical) === 'caller' || this.#operation?.hint.isPrivate === true;
    const name = isCallersOwn ? callersOwn : canonical;
    for (let joined = 0; joined < MAX_JOINS; joined++) {
      const running = executions.join(name);
      if (running === undefined) break; // and begin one in the same turn
      const entry = await running;
      // What came of it can't be shared, nor what would come of the next.
      if (entry === undefined || !keys.includes(entry.k)) break;
      if (bodies.servable(entry)) {
        this.#count('coalesced');
        this.#forwarded = { fwd: 'collapsed' };
        return this.#answerWith({ entry, tier: 'l1', isStale: false });
      }
    }
    this.#endExecution = executions.begin(name);
    // What another pod has stored may be what the client's no-cache is about.
    if (isCallersOwn || this.#endExecution === undefined || this.#options.directives.noCache) return false;
    this.#hasClaim = await bodies.claim(everyone, this.#request.cacheBudget);
    if (this.#hasClaim) return false;
    const hit = await bodies.awaitOthers(everyone, keys, this.#request.cacheBudget);
    if (hit === undefined) return false;
    this.#count('coalesced');
    this.#forwarded = { fwd: 'collapsed' };
    this.#endExecution(hit.entry);
    this.#endExecution = undefined;
    return this.#answerWith(hit);
  }

  #answerWith(hit: BodyHit): true {
    this.#hit = hit;
    return true;
  }

  #entryFor({ status, body }: FinishedAnswer): BodyEntry | undefined {
    const begun = this.#begun;
    const { isPrivate, isNoStore, deps, freshForMs: madeFromFreshMs } = this.#request;
    if (begun === undefined || this.#keys === undefined || this.#operation === undefined) return undefined;
    const { canonical, hint } = this.#operation;
    const isCallersOwn = isPrivate || hint.isPrivate;
    this.#cache.scopes.set(canonical, isCallersOwn ? 'caller' : 'everyone');
    if (status !== 200 || isNoStore) return this.#notStored('it has errors, is stale, or is of a field that is never stored');
    if (this.#options.directives.noStore) return this.#notStored('cache-control: no-store');
    if (deps.size > MAX_DEPS) return this.#notStored('it depends on too much');
    const { bodies, ttlSeconds, surrogateKeys } = this.#cache;
    // What it was made from is as old as it was when it was read, which was after the execution began.
    const freshSeconds = Math.min(ttlSeconds * (1 - Math.random() * JITTER), hint.maxAgeSeconds, madeFromFreshMs / 1000);
    const bytes = Buffer.from(body);
    if (bytes.length > MAX_RESPONSE_BYTES) return this.#notStored('it is too large');
    const meta = { etag: etagOf(bytes), ...(surrogateKeys && { surrogateKeys: surrogateKeys.of(this.#request.toldDeps) }) };
    const entry = bodyEntry({ meta, bytes }, [this.#keys[isCallersOwn ? 1 : 0], ...deps], {
      e: begun.stamp.epoch,
      s: begun.stamp.seq,
      t: Math.round(begun.atMs),
      f: Math.round(freshSeconds * 1000) / 1000,
      w: this.#request.isNeverStale ? 0 : hint.staleWhileRevalidateSeconds,
    });
    if (freshForMs(entry, bodies.nowMs()) <= 0)
      return this.#notStored('what it was made from, or a hint, lets it live no longer');
    if (!bodies.servable(entry)) return this.#notStored('what it was made from was invalidated meanwhile', entry);
    this.#reason = undefined;
    return entry;
  }

  /** @param entry for the cache to count, where it is the one to refuse it. */
  #notStored(reason: string, entry?: BodyEntry): BodyEntry | undefined {
    this.#reason = reason;
    return entry;
  }

  #learnAlias({ status, contentType }: FinishedAnswer): void {
    const { aliasName } = this.#options;
    if (status !== 200 || aliasName === undefined || contentType === undefined || this.#operation === undefined) return;
    const { canonical, name } = this.#operation;
    this.#cache.aliases.learn(aliasName, { canonical, contentType, operationName: name });
  }
}

/** Strong: of the bytes. */
export function etagOf(bytes: Buffer | string): string {
  return `"${hash('sha256', bytes, 'base64url').slice(0, 27)}"`;
}

function hasOnlyPersistedQuery(extensions: Readonly<Record<string, unknown>> | undefined): boolean {
  return Object.keys(extensions ?? {}).every((name) => name === 'persistedQuery');
}
