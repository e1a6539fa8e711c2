/**
 * The devices in an OpenSensor MongoDB, which other programs write as well, and which may be a standalone server: no transactions.
 * No array is ever read, changed and written back; changes name what they change. An API key leaves the database only when it is
 * revealed or was sent by the caller.
 */
import type { Db, Document } from 'mongodb';
import { DeviceListing, EMPTY_PAGE, canFind, searchPattern } from './device-listing.js';
import { DeviceLookup, findApiKeys } from './device-lookup.js';
import type {
  DeviceListingQuery,
  DevicePage,
  DeviceRecord,
  DeviceRegistration,
  DeviceStore,
  DeviceUpdate,
  OwnedPair,
} from './device.store.js';
import { register } from './mongo.registration.js';
import {
  BATCH_SIZE,
  holderOf,
  indexesOf,
  MAX_TIME_MS,
  pairOf,
  readUsers,
  someUser,
  translated,
  usersOf,
  uuid,
  type Users,
} from './mongo.users.js';
import { readUser, type User } from './user-document.js';

const INDEXES = [{ 'api_keys.device_id': 1, 'api_keys.device_name': 1 }, { 'api_keys.key': 1 }] as const;

export class MongoDeviceStore implements DeviceStore {
  readonly #users: Users;

  constructor(db: Db) {
    this.#users = usersOf(db);
  }

  /** Creates the two indexes that look-ups need, where they are missing. Takes as long as it takes: a build is not interrupted. */
  async ensureIndexes(): Promise<void> {
    await translated(async () => {
      const present = (await indexesOf(this.#users)).map(({ key }) => JSON.stringify(key));
      for (const fields of INDEXES) {
        if (!present.includes(JSON.stringify(fields))) await this.#users.createIndex(fields);
      }
    });
  }

  async findDevices(ids: readonly string[]): Promise<Map<string, DeviceRecord>> {
    const lookup = new DeviceLookup(ids);
    if (lookup.deviceIds.length === 0) return lookup.found;
    return translated(async () => {
      for await (const user of readUsers(this.#users, { 'api_keys.device_id': { $in: lookup.deviceIds } })) lookup.add(user);
      return lookup.found;
    });
  }

  async findApiKeys(keys: readonly string[]): Promise<Map<string, OwnedPair>> {
    if (keys.length === 0) return new Map();
    const isAsked = { $match: { 'api_keys.key': { $in: keys } } };
    const pipeline = [isAsked, { $unwind: '$api_keys' }, isAsked, { $project: { api_keys: 1 } }];
    const options = { maxTimeMS: MAX_TIME_MS, batchSize: BATCH_SIZE };
    return translated(async () => {
      const rows = await this.#users
        .aggregate<{ readonly _id: unknown; readonly api_keys: unknown }>(pipeline, options)
        .toArray();
      const users = rows.map((row) => readUser({ _id: row._id, api_keys: [row.api_keys] }));
      return findApiKeys(
        keys,
        users.filter((user) => user !== undefined),
      );
    });
  }

  async listDevices(query: DeviceListingQuery): Promise<DevicePage> {
    if (!canFind(query.search)) return EMPTY_PAGE;
    const listing = new DeviceListing(query);
    return translated(async () => {
      for await (const user of this.#candidates(query)) listing.add(user);
      return listing.page();
    });
  }

  /** Every user who may own a listed device, or keep another one from owning it, in the order of `_id`. */
  async *#candidates({ scope, search }: DeviceListingQuery): AsyncGenerator<User> {
    if (scope.kind === 'device') {
      const { deviceId, owner } = scope.device;
      yield* readUsers(this.#users, { 'api_keys.device_id': deviceId, _id: { $lte: uuid(owner) } }, { _id: 1 });
    } else if (scope.kind === 'ownedByUser') {
      const _id = uuid(scope.owner);
      for await (const owner of readUsers(this.#users, { _id })) {
        const deviceIds = [...owner.deviceIds.keys()];
        yield* readUsers(this.#users, { 'api_keys.device_id': { $in: deviceIds }, _id: { $lt: _id } }, { _id: 1 });
        yield owner;
      }
    } else {
      const text = { $regex: searchPattern(search ?? ''), $options: 'i' };
      const isSearched = search ? { $or: [{ 'api_keys.device_id': text }, { 'api_keys.device_name': text }] } : {};
      yield* readUsers(this.#users, isSearched, { _id: 1 });
    }
  }

  async register(registration: DeviceRegistration): Promise<boolean> {
    return translated(() => register(this.#users, registration));
  }

  async update(pair: OwnedPair, { description, isPrivate }: DeviceUpdate): Promise<boolean> {
    const set: Document = {};
    const arrayFilters: Document[] = [];
    if (description !== undefined) {
      set['api_keys.$[pair].description'] = description;
      arrayFilters.push({ 'pair.device_id': pair.deviceId, 'pair.device_name': pair.name });
    }
    if (isPrivate !== undefined) {
      set['api_keys.$[chain].private_data'] = isPrivate;
      arrayFilters.push({ 'chain.device_name': pair.name });
    }
    return translated(async () => {
      // MongoDB refuses an empty `$set`.
      if (arrayFilters.length === 0) return someUser(this.#users, holderOf(pair));
      const { matchedCount } = await this.#users.updateOne(
        holderOf(pair),
        { $set: set },
        { arrayFilters, maxTimeMS: MAX_TIME_MS },
      );
      return matchedCount > 0;
    });
  }

  async remove(pair: OwnedPair): Promise<boolean> {
    return translated(async () => {
      const removal = { $pull: { api_keys: pairOf(pair) } };
      const { matchedCount } = await this.#users.updateOne(holderOf(pair), removal, { maxTimeMS: MAX_TIME_MS });
      return matchedCount > 0;
    });
  }

  async revealApiKey({ owner, deviceId, name }: OwnedPair): Promise<string | undefined> {
    const isPairWithKey = {
      'api_keys.device_id': deviceId,
      'api_keys.device_name': name,
      'api_keys.key': { $type: 'string', $ne: '' },
    };
    const pipeline = [
      { $match: { _id: uuid(owner) } },
      { $unwind: '$api_keys' },
      { $match: isPairWithKey },
      { $limit: 1 },
      { $project: { key: '$api_keys.key' } },
    ];
    return translated(async () => {
      const [row] = await this.#users.aggregate<{ readonly key: string }>(pipeline, { maxTimeMS: MAX_TIME_MS }).toArray();
      return row?.key;
    });
  }
}
