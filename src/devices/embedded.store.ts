/**
 * The devices in this process's memory: the demo fleet, or what `DEVICES_FILE` holds. Each change is one synchronous step, so
 * changes at the same time can't mix. Nothing is written anywhere; it ends with the process.
 */
import { canFind, DeviceListing, EMPTY_PAGE } from './device-listing.js';
import type {
  DeviceListingQuery,
  DevicePage,
  DeviceRecord,
  DeviceRegistration,
  DeviceStore,
  DeviceUpdate,
  OwnedPair,
} from './device.store.js';
import { DeviceLookup, findApiKeys } from './device-lookup.js';
import { User, type UserKey } from './user-document.js';

// The methods are async for the interface's sake, and so that what they throw becomes a rejection.
/* eslint-disable @typescript-eslint/require-await */
export class EmbeddedDeviceStore implements DeviceStore {
  readonly #users = new Map<string, User>();
  readonly #byDeviceId = new Map<string, Set<User>>();
  readonly #byApiKey = new Map<string, Set<User>>();

  /** @param users each owner once. */
  constructor(users: Iterable<User>) {
    for (const user of users) this.#put(user);
  }

  async findDevices(ids: readonly string[]): Promise<Map<string, DeviceRecord>> {
    const lookup = new DeviceLookup(ids);
    for (const user of holders(this.#byDeviceId, lookup.deviceIds)) lookup.add(user);
    return lookup.found;
  }

  async findApiKeys(keys: readonly string[]): Promise<Map<string, OwnedPair>> {
    return findApiKeys(keys, holders(this.#byApiKey, keys));
  }

  async listDevices(query: DeviceListingQuery): Promise<DevicePage> {
    if (!canFind(query.search)) return EMPTY_PAGE;
    const listing = new DeviceListing(query);
    for (const owner of [...this.#users.keys()].sort()) listing.add(this.#user(owner));
    return listing.page();
  }

  async register({ owner, ...device }: DeviceRegistration): Promise<boolean> {
    const { deviceId, name } = device;
    const isHeld = [...holders(this.#byDeviceId, [deviceId])].some((user) => user.find(deviceId, name) !== undefined);
    if (!isHeld) this.#put(new User(owner, [...this.#user(owner).keys, device]));
    return !isHeld;
  }

  async update(pair: OwnedPair, { description, isPrivate }: DeviceUpdate): Promise<boolean> {
    return this.#change(pair, (keys) =>
      keys.map((key) => ({
        ...key,
        description: isOf(pair, key) ? (description ?? key.description) : key.description,
        isPrivate: key.name === pair.name ? (isPrivate ?? key.isPrivate) : key.isPrivate,
      })),
    );
  }

  async remove(pair: OwnedPair): Promise<boolean> {
    return this.#change(pair, (keys) => keys.filter((key) => !isOf(pair, key)));
  }

  async revealApiKey(pair: OwnedPair): Promise<string | undefined> {
    return this.#user(pair.owner).keys.find((key) => isOf(pair, key) && key.apiKey !== undefined)?.apiKey;
  }

  #user(owner: string): User {
    return this.#users.get(owner) ?? new User(owner, []);
  }

  #change(pair: OwnedPair, change: (keys: readonly UserKey[]) => UserKey[]): boolean {
    const { keys } = this.#user(pair.owner);
    const holds = keys.some((key) => isOf(pair, key));
    if (holds) this.#put(new User(pair.owner, change(keys)));
    return holds;
  }

  /** Takes the place of what was known of this user. */
  #put(user: User): void {
    const before = this.#users.get(user.owner);
    for (const { deviceId, apiKey } of before?.keys ?? []) {
      forget(this.#byDeviceId, deviceId, before);
      forget(this.#byApiKey, apiKey, before);
    }
    this.#users.set(user.owner, user);
    for (const { deviceId, apiKey } of user.keys) {
      remember(this.#byDeviceId, deviceId, user);
      remember(this.#byApiKey, apiKey, user);
    }
  }
}

function isOf(pair: OwnedPair, key: UserKey): boolean {
  return key.deviceId === pair.deviceId && key.name === pair.name;
}

type Index = Map<string, Set<User>>;

function holders(index: Index, keys: readonly string[]): Set<User> {
  return new Set(keys.flatMap((key) => [...(index.get(key) ?? [])]));
}

function remember(index: Index, key: string | undefined, user: User): void {
  if (key === undefined) return;
  const users = index.get(key);
  if (users) users.add(user);
  else index.set(key, new Set([user]));
}

function forget(index: Index, key: string | undefined, user: User | undefined): void {
  if (key === undefined || user === undefined) return;
  const users = index.get(key);
  users?.delete(user);
  if (users?.size === 0) index.delete(key);
}
