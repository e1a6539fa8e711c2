/**
 * Reads pages of device listings through the cache. A page that is one of endlessly many, by its search or its cursor, is stored
 * only when this pod is asked for it again, so that a stream of unique searches can't fill Redis. Called by the device loaders.
 */
import { hash } from 'node:crypto';
import type { BatchLoad, CacheReader, Found, Loaded, Namespace } from '../cache/cache.js';
import type { RequestScope } from '../request.js';
import { EMPTY_PAGE } from './device-listing.js';
import type { DeviceListingQuery, DevicePage, DeviceStore } from './device.store.js';
import { tagsOfListing } from './device.tags.js';
import { Doorkeeper } from './doorkeeper.js';

const DOORKEEPER_GENERATION = 4_096;

type ListingLifetimes = Pick<Namespace, 'ttlSeconds' | 'negativeTtlSeconds'>;

/** The cache's namespace of pages. */
export function listingNamespace({ ttlSeconds, negativeTtlSeconds }: ListingLifetimes): Namespace {
  // Grace is for devices. A page says as much about what is not there, and absence never outlives its time.
  return { name: 'device_listing', valueVersion: 1, ttlSeconds, negativeTtlSeconds, graceSeconds: 0 };
}

export class ListingReader {
  readonly #namespace: Namespace;
  readonly #doorkeeper = new Doorkeeper(DOORKEEPER_GENERATION);

  constructor(
    readonly store: DeviceStore,
    readonly cache: CacheReader,
    lifetimes: ListingLifetimes,
  ) {
    this.#namespace = listingNamespace(lifetimes);
  }

  /** What the page is cached under. Two queries that mean the same may differ in it, different ones never agree. */
  digest({ scope, search, first, after }: DeviceListingQuery): string {
    return hash('sha256', JSON.stringify([scope, search ?? null, first, after ?? null]), 'hex');
  }

  /** Pages in the order of the queries. */
  async read(queries: readonly DeviceListingQuery[], request: RequestScope): Promise<DevicePage[]> {
    const byDigest = new Map(queries.map((query) => [this.digest(query), query]));
    const load = (digests: readonly string[]) =>
      this.#load(new Map([...byDigest].filter(([digest]) => digests.includes(digest))));
    const stored: string[] = [];
    const passing: string[] = [];
    for (const [digest, query] of byDigest) (this.#isWorthStoring(digest, query) ? stored : passing).push(digest);

    const [cached, loaded] = await Promise.all([this.#readCached(stored, request, load), load(passing)]);
    const { ttlSeconds, negativeTtlSeconds } = this.#namespace;
    for (const { deps, freshForMs } of cached.values()) request.touched(deps, freshForMs);
    for (const { tags, value } of loaded.values())
      request.touched(tags, 1000 * (value === null ? negativeTtlSeconds : ttlSeconds));
    return queries.map((query) => {
      const digest = this.digest(query);
      return (cached.get(digest) ?? loaded.get(digest))?.value ?? EMPTY_PAGE;
    });
  }

  #isWorthStoring(digest: string, { search, after }: DeviceListingQuery): boolean {
    const isOneOfFew = !search && after === undefined;
    return isOneOfFew || this.#doorkeeper.hasMet(digest);
  }

  async #readCached(
    digests: readonly string[],
    request: RequestScope,
    load: BatchLoad<DevicePage>,
  ): Promise<ReadonlyMap<string, Found<DevicePage>>> {
    return digests.length === 0 ? new Map() : this.cache.getMany(this.#namespace, digests, request.cacheBudget, load);
  }

  /** A page without devices is an absence: it lives no longer than one. */
  async #load(queries: ReadonlyMap<string, DeviceListingQuery>): Promise<Map<string, Loaded<DevicePage>>> {
    return new Map(
      await Promise.all(
        [...queries].map(async ([digest, query]): Promise<[string, Loaded<DevicePage>]> => {
          const page = await this.store.listDevices(query);
          return [digest, { value: page.devices.length === 0 ? null : page, tags: tagsOfListing(page) }];
        }),
      ),
    );
  }
}
