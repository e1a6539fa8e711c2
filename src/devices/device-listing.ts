/**
 * The rules of listing devices, over documents of `Users`. Both stores use them, so that the two can't differ. Pure: asks no
 * database and knows no cache.
 */
import {
  commonName,
  isPossibleId,
  type DeviceListingQuery,
  type DevicePage,
  type DeviceRecord,
  type ListingScope,
} from './device.store.js';
import { compareUtf8, isWellFormed } from './unicode.js';
import type { User, UserKey } from './user-document.js';

export const EMPTY_PAGE: DevicePage = Object.freeze({ devices: [], hasNextPage: false });

/** A search longer than the longest id finds nothing. In characters, because bytes change with the case. */
const MAX_SEARCH_CHARACTERS = 1_024;

/** False when a search can find nothing, so that the database needn't be asked. */
export function canFind(search: string | undefined): boolean {
  if (search === undefined) return true;
  return search.length <= 2 * MAX_SEARCH_CHARACTERS && Array.from(search).length <= MAX_SEARCH_CHARACTERS && isWellFormed(search);
}

/** A regular expression, for MongoDB's `$regex` and for JavaScript's `u` alike, that matches the text literally. */
export function searchPattern(search: string): string {
  return search.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&').replaceAll('\0', '\\x00');
}

/**
 * Picks one page out of all users. They must be added in the order of their UUIDs, because the first one seen with a pair owns it.
 * Keeps one page of devices, and the names of hidden ones before its end.
 */
export class DeviceListing {
  readonly #query: DeviceListingQuery;
  readonly #search: RegExp | undefined;
  /** The `first + 1` smallest so far, in order: one more than the page, to know whether another follows. */
  readonly #kept: { readonly key: UserKey; readonly user: User }[] = [];
  /** Common names that have an owner already: of what is kept, and of hidden devices. */
  readonly #owned = new Set<string>();

  constructor(query: DeviceListingQuery) {
    this.#query = query;
    this.#search = query.search ? new RegExp(searchPattern(query.search), 'iu') : undefined;
  }

  add(user: User): void {
    for (const key of user.pairs()) {
      if (this.#isInReach(key)) this.#own(user, key);
    }
  }

  /** Cheap questions first: most keys of a large fleet are before the page, after it, or not searched for. */
  #isInReach(key: UserKey): boolean {
    const { after, first } = this.#query;
    const last = this.#kept[first]?.key;
    if (after && comparePairs(key, after) <= 0) return false;
    if (last && comparePairs(key, last) > 0) return false;
    return !this.#search || this.#search.test(key.deviceId) || this.#search.test(key.name);
  }

  #own(user: User, key: UserKey): void {
    const id = commonName(key);
    if (this.#owned.has(id) || !isAddressable(key)) return;
    this.#owned.add(id);
    if (isListed(this.#query.scope, user, key)) this.#keep(user, key);
  }

  #keep(user: User, key: UserKey): void {
    let low = 0;
    let high = this.#kept.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#kept[middle];
      if (other && comparePairs(other.key, key) < 0) low = middle + 1;
      else high = middle;
    }
    this.#kept.splice(low, 0, { key, user });
    const dropped = this.#kept.splice(this.#query.first + 1);
    for (const { key: beyond } of dropped) this.#owned.delete(commonName(beyond));
  }

  page(): DevicePage {
    const devices = this.#kept.slice(0, this.#query.first).map(({ key, user }): DeviceRecord => user.record(key));
    return { devices, hasNextPage: this.#kept.length > devices.length };
  }
}

type Pair = Pick<UserKey, 'deviceId' | 'name'>;

function comparePairs(a: Pair, b: Pair): number {
  return compareUtf8(a.deviceId, b.deviceId) || compareUtf8(a.name, b.name);
}

/** What no id can address is no device: a `|` in a device id, which belongs to the name in every id, or an overlong pair. */
function isAddressable(key: UserKey): boolean {
  return !key.deviceId.includes('|') && isPossibleId(commonName(key));
}

function isListed(scope: ListingScope, user: User, key: UserKey): boolean {
  switch (scope.kind) {
    case 'all':
      return true;
    case 'public':
      return !user.isPrivate(key.name);
    case 'visibleToUser':
      return user.owner === scope.owner || !user.isPrivate(key.name);
    case 'ownedByUser':
      return user.owner === scope.owner;
    case 'visibleToDevice':
      return !user.isPrivate(key.name) || isListed({ kind: 'device', device: scope.device }, user, key);
    case 'device':
      return user.owner === scope.device.owner && key.deviceId === scope.device.deviceId && key.name === scope.device.name;
  }
}
