/**
 * A document of `Users`: what its keys say about pairs, chains and visibility. `device-lookup.ts` and `device-listing.ts` have the
 * rules over many of them. Both stores use all three, so that the two can't differ. Pure: asks no database and knows no cache.
 * Ids come from outside and may read `__proto__`, so they are keys of Maps only.
 */
import type { DeviceRecord } from './device.store.js';
import { isWellFormed } from './unicode.js';

/** One element of `api_keys`. */
export interface UserKey {
  /** The secret; undefined where it was not read, or there is none. */
  readonly apiKey: string | undefined;
  readonly deviceId: string;
  readonly name: string;
  readonly description: string;
  readonly isPrivate: boolean;
}

interface Chain {
  readonly deviceIds: string[];
  isPrivate: boolean;
}

/** A user with their keys in the order stored. Never changes; a change of the data makes a new one. */
export class User {
  /** Device id, then name, to the first key of that pair; both levels in the order stored. */
  readonly #pairs = new Map<string, Map<string, UserKey>>();
  readonly #chains = new Map<string, Chain>();

  /** @param owner UUID in lower case. */
  constructor(
    readonly owner: string,
    readonly keys: readonly UserKey[],
  ) {
    for (const key of keys) this.#read(key);
  }

  #read(key: UserKey): void {
    const chain = this.#chains.get(key.name) ?? { deviceIds: [], isPrivate: false };
    this.#chains.set(key.name, chain);
    chain.isPrivate ||= key.isPrivate;
    const names = this.#pairs.get(key.deviceId) ?? new Map<string, UserKey>();
    this.#pairs.set(key.deviceId, names);
    if (names.has(key.name)) return;
    names.set(key.name, key);
    chain.deviceIds.push(key.deviceId);
  }

  /** Each device id that this user holds, once. */
  get deviceIds(): ReadonlyMap<string, unknown> {
    return this.#pairs;
  }

  /** The first key of each pair. */
  *pairs(): Generator<UserKey> {
    for (const names of this.#pairs.values()) yield* names.values();
  }

  isPrivate(name: string): boolean {
    return this.#chains.get(name)?.isPrivate ?? false;
  }

  /** What this user holds under the device id and the name, or, without a name, under that of the first key with the id. */
  find(deviceId: string, name: string | undefined): DeviceRecord | undefined {
    const names = this.#pairs.get(deviceId);
    const key = name === undefined ? names?.values().next().value : names?.get(name);
    return key && this.record(key);
  }

  record({ deviceId, name, description }: UserKey): DeviceRecord {
    const chain = this.#chains.get(name);
    return { owner: this.owner, deviceId, name, description, isPrivate: this.isPrivate(name), deviceIds: chain?.deviceIds ?? [] };
  }
}

/**
 * Reads a document as the database has it. Undefined when its `_id` is no UUID: then it is no user. Keys without a device id and a
 * name are skipped, as both APIs could neither show nor change them.
 */
export function readUser(document: { readonly _id?: unknown; readonly api_keys?: unknown }): User | undefined {
  const owner = readUuid(document._id);
  if (owner === undefined) return undefined;
  const keys = Array.isArray(document.api_keys) ? (document.api_keys as unknown[]).map(readKey) : [];
  return new User(
    owner,
    keys.filter((key) => key !== undefined),
  );
}

function readKey(value: unknown): UserKey | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { key, device_id, device_name, description, private_data } = value as Readonly<Record<string, unknown>>;
  if (!isText(device_id) || !isText(device_name)) return undefined;
  return {
    apiKey: isText(key) && key !== '' ? key : undefined,
    deviceId: device_id,
    name: device_name,
    description: isText(description) ? description : '',
    isPrivate: Boolean(private_data),
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && isWellFormed(value);
}

/** A BSON UUID as text, lower case. By its shape, not its class: the embedded store must not load the MongoDB driver. */
export function readUuid(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { sub_type, position, buffer } = value as Readonly<Record<string, unknown>>;
  if (sub_type !== 4 || position !== 16 || !(buffer instanceof Uint8Array)) return undefined;
  return Buffer.from(buffer.subarray(0, 16))
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
