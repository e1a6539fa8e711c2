/**
 * The door to the devices in the database. Two stores stand behind it, MongoDB and the embedded one, and one contract suite
 * (`test/contract/device-store.ts`) holds both to the same behaviour. A store knows nothing of caching or of who asks.
 */
import { isWellFormed } from './unicode.js';

/** One device as found for an id: the pair, its owner, and the chain it belongs to. Holds no secret, so it may be cached. */
export interface DeviceRecord {
  /** The owner's UUID, lower case. */
  readonly owner: string;
  readonly deviceId: string;
  readonly name: string;
  readonly description: string;
  /** True when any key of the chain is private. */
  readonly isPrivate: boolean;
  /** The chain: all device ids of the owner under this name, in the order stored, each once. */
  readonly deviceIds: readonly string[];
}

/** A device held by a known owner. */
export interface OwnedPair {
  readonly owner: string;
  readonly deviceId: string;
  readonly name: string;
}

export interface DeviceRegistration extends OwnedPair {
  readonly apiKey: string;
  readonly description: string;
  readonly isPrivate: boolean;
}

/** A field that is undefined is left as it is. `isPrivate` goes to all keys of the chain, `description` to the pair's. */
export interface DeviceUpdate {
  readonly description?: string | undefined;
  readonly isPrivate?: boolean | undefined;
}

/** Whose devices a listing shows. `visible*`: public ones and what the viewer may see besides; `owned*`: only the viewer's. */
export type ListingScope =
  | { readonly kind: 'public' }
  | { readonly kind: 'all' }
  | { readonly kind: 'visibleToUser'; readonly owner: string }
  | { readonly kind: 'visibleToDevice'; readonly device: OwnedPair }
  | { readonly kind: 'ownedByUser'; readonly owner: string }
  | { readonly kind: 'device'; readonly device: OwnedPair };

export interface DeviceListingQuery {
  readonly scope: ListingScope;
  /** Literal text, part of device id or name, case ignored. Undefined or empty: all. */
  readonly search?: string | undefined;
  /** 1 to 500. */
  readonly first: number;
  /** Only devices after this pair in the order of UTF-8 bytes. */
  readonly after?: { readonly deviceId: string; readonly name: string } | undefined;
}

export interface DevicePage {
  readonly devices: readonly DeviceRecord[];
  readonly hasNextPage: boolean;
}

/**
 * Every method rejects with `CodedError('DATABASE_UNAVAILABLE')` when the database can't be asked. A change that rejects may have
 * happened.
 */
export interface DeviceStore {
  /** Looks ids up, common names and bare ones alike, in one query. An id that is not in the map is unknown. */
  findDevices(ids: readonly string[]): Promise<Map<string, DeviceRecord>>;
  /** Which device an API key belongs to, in one query. A key that is not in the map is unknown. */
  findApiKeys(keys: readonly string[]): Promise<Map<string, OwnedPair>>;
  listDevices(query: DeviceListingQuery): Promise<DevicePage>;
  /** False when anybody holds the pair; then nothing is left behind. Of several at once, at most one wins. */
  register(registration: DeviceRegistration): Promise<boolean>;
  /** False when the owner no longer holds the pair. */
  update(pair: OwnedPair, update: DeviceUpdate): Promise<boolean>;
  /** Removes all keys with the pair. False when the owner no longer holds it. */
  remove(pair: OwnedPair): Promise<boolean>;
  /** The first key of the pair, or undefined when the owner no longer holds it. */
  revealApiKey(pair: OwnedPair): Promise<string | undefined>;
}

/** The longest id that can be known, in bytes of UTF-8. */
export const MAX_ID_BYTES = 1_024;

/** False for an id that no device can have: it is unknown without asking anybody. */
export function isPossibleId(id: string): boolean {
  return id !== '' && Buffer.byteLength(id) <= MAX_ID_BYTES && isWellFormed(id);
}

/** `deviceId|name`, the id that other OpenSensor APIs use. */
export function commonName(device: { readonly deviceId: string; readonly name: string }): string {
  return `${device.deviceId}|${device.name}`;
}

/** Splits an id at its first `|`. A bare device id has no name. */
export function parseDeviceId(id: string): { readonly deviceId: string; readonly name: string | undefined } {
  const bar = id.indexOf('|');
  return bar === -1 ? { deviceId: id, name: undefined } : { deviceId: id.slice(0, bar), name: id.slice(bar + 1) };
}
