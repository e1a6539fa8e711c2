/**
 * The `Users` collection of an OpenSensor MongoDB (5.0 or newer): how it is asked, and what its failures mean. Shared by the store
 * and by registering; nobody else talks to the collection.
 */
import {
  Binary,
  MongoError,
  MongoServerError,
  type Collection,
  type Db,
  type Document,
  type Filter,
  type IndexDescriptionInfo,
  type WithId,
} from 'mongodb';
import { DeadlineError, withDeadline } from '../cache/cache.js';
import { CodedError } from '../errors.js';
import type { OwnedPair } from './device.store.js';
import { readUser, readUuid, type User } from './user-document.js';

/** What one operation may take, in the server and waiting for a majority. */
export const MAX_TIME_MS = 5_000;
/** For all of an operation's steps; also ends what the driver forgets, as it may when a connection ends while it is being written to. */
const DEADLINE_MS = MAX_TIME_MS + 1_000;

/** Documents in one reply: all, unless they exceed the 16 MB that a reply may have. */
export const BATCH_SIZE = 10_000;

const NAMESPACE_NOT_FOUND = 26;

export interface UserDocument {
  _id: Binary;
  api_keys: StoredKey[];
  commands_issued: unknown[];
  collection_name: string;
}

export interface StoredKey {
  key: string;
  device_id: string;
  device_name: string;
  description: string;
  private_data: boolean;
}

export type Users = Collection<UserDocument>;

export function usersOf(db: Db): Users {
  return db.collection('Users', { readPreference: 'primary', writeConcern: { w: 'majority', wtimeoutMS: MAX_TIME_MS } });
}

/** Everything but `key`. */
const WITHOUT_SECRETS = Object.fromEntries(
  ['device_id', 'device_name', 'description', 'private_data'].map((field) => [`api_keys.${field}`, 1]),
);

/** One query. Documents come whole but for the secrets, chain and owner together: about 1 MB for a user with 10,000 keys. */
export async function* readUsers(
  users: Users,
  filter: Filter<UserDocument>,
  sort: { readonly _id?: 1 } = {},
): AsyncGenerator<User> {
  const options = { projection: WITHOUT_SECRETS, batchSize: BATCH_SIZE, maxTimeMS: MAX_TIME_MS, sort };
  for await (const document of users.find<WithId<Document>>(filter, options)) {
    const user = readUser(document);
    if (user) yield user;
  }
}

/** Whether a user matches. Documents whose `_id` is no UUID are no users. */
export async function someUser(users: Users, filter: Filter<UserDocument>): Promise<boolean> {
  for await (const { _id } of users.find(filter, { projection: { _id: 1 }, maxTimeMS: MAX_TIME_MS })) {
    if (readUuid(_id) !== undefined) return true;
  }
  return false;
}

/** None where the collection doesn't exist yet. */
export async function indexesOf(users: Users): Promise<IndexDescriptionInfo[]> {
  try {
    return await users.indexes();
  } catch (error) {
    if (hasCode(error, NAMESPACE_NOT_FOUND)) return [];
    throw error;
  }
}

export function pairOf({ deviceId, name }: Omit<OwnedPair, 'owner'>): Pick<StoredKey, 'device_id' | 'device_name'> {
  return { device_id: deviceId, device_name: name };
}

/** The user's document, if it holds the pair. */
export function holderOf(pair: OwnedPair): Filter<UserDocument> {
  return { _id: uuid(pair.owner), api_keys: { $elemMatch: pairOf(pair) } };
}

export function uuid(text: string): Binary {
  return new Binary(Buffer.from(text.replaceAll('-', ''), 'hex'), Binary.SUBTYPE_UUID);
}

export function hasCode(error: unknown, code: number): boolean {
  return error instanceof MongoServerError && error.code === code;
}

/** The one place that decides what a failure of MongoDB means. The driver's message may name hosts and values: it is for the log. */
export async function translated<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await withDeadline(operation(), DEADLINE_MS);
  } catch (error) {
    if (!(error instanceof MongoError || error instanceof DeadlineError || isSocketError(error))) throw error;
    const message = 'The database could not be asked. If this was a change, it may have been made all the same.';
    throw new CodedError('DATABASE_UNAVAILABLE', message, { cause: error });
  }
}

/** The driver lets the error of a socket through as it is, when that fails while it is written to. */
function isSocketError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
