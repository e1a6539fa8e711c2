/**
 * What every device store has to do: one case for each rule about devices in the database. Run over each store by
 * `device-store.test.ts`; what only one of them can show is tested in `test/devices/`.
 */
import { changing } from './device-store-changes.js';
import type { MakeStore, StoreOf } from './device-store-fixtures.js';
import { listing } from './device-store-listing.js';
import { apiKeys, lookingUp } from './device-store-lookup.js';
import { atTheSameTime } from './device-store-races.js';

export function deviceStoreContract(makeStore: MakeStore): void {
  const storeOf: StoreOf = async (...users) => (await makeStore(users)).store;
  lookingUp(storeOf);
  apiKeys(storeOf);
  listing(storeOf);
  changing(storeOf);
  atTheSameTime(makeStore);
}
