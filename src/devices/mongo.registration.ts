/**
 * Registering a device in MongoDB so that at most one of several registrations of a pair wins, without a transaction and without a
 * unique index: push on condition, look, withdraw. Called by the store only.
 *
 *   push      adds the key unless its user holds the pair, in one atomic step
 *   look      does another user hold it? Of two who pushed at the same time, the one that looks last sees the other
 *   withdraw  then takes the key back, and the document if it was made for it
 */
import type { DeviceRegistration } from './device.store.js';
import { hasCode, holderOf, MAX_TIME_MS, pairOf, someUser, uuid, type StoredKey, type Users } from './mongo.users.js';

const DUPLICATE_KEY = 11_000;

/** Each repetition needs the user's document to appear or vanish meanwhile. */
const PUSH_ATTEMPTS = 5;

/** A document as a first registration makes it, without its key. */
const EMPTY_USER = { api_keys: { $size: 0 }, commands_issued: { $size: 0 }, collection_name: 'FreeTier' };

/** False when anybody holds the pair; then nothing is left behind. */
export async function register(users: Users, registration: DeviceRegistration): Promise<boolean> {
  const _id = uuid(registration.owner);
  const isPair = { $elemMatch: pairOf(registration) };
  if (await someUser(users, { api_keys: isPair })) return false;
  const pushed = await push(users, registration);
  if (pushed === 'HELD') return false;
  if (!(await someUser(users, { api_keys: isPair, _id: { $ne: _id } }))) return true;
  await users.updateOne({ _id }, { $pull: { api_keys: { key: registration.apiKey } } }, { maxTimeMS: MAX_TIME_MS });
  if (pushed === 'CREATED') await users.deleteOne({ _id, ...EMPTY_USER }, { maxTimeMS: MAX_TIME_MS });
  return false;
}

async function push(users: Users, registration: DeviceRegistration): Promise<'ADDED' | 'CREATED' | 'HELD'> {
  const { owner, apiKey, description, isPrivate } = registration;
  const pair = pairOf(registration);
  const key: StoredKey = { key: apiKey, ...pair, description, private_data: isPrivate };
  for (let attempt = 1; ; attempt++) {
    try {
      const { upsertedCount } = await users.updateOne(
        { _id: uuid(owner), api_keys: { $not: { $elemMatch: pair } } },
        { $push: { api_keys: key }, $setOnInsert: { commands_issued: [], collection_name: 'FreeTier' } },
        { upsert: true, maxTimeMS: MAX_TIME_MS },
      );
      return upsertedCount === 0 ? 'ADDED' : 'CREATED';
    } catch (error) {
      // The document holds the pair, so that nothing matched and the upsert tried to insert another, or it came into being meanwhile.
      if (!hasCode(error, DUPLICATE_KEY) || attempt === PUSH_ATTEMPTS) throw error;
      if (await someUser(users, holderOf(registration))) return 'HELD';
    }
  }
}
