/**
 * The rules of looking ids and API keys up, over documents of `Users`. Both stores use them, so that the two can't differ. Pure:
 * asks no database and knows no cache.
 */
import { isPossibleId, parseDeviceId, type DeviceRecord, type OwnedPair } from './device.store.js';
import type { User } from './user-document.js';

/** Looks a batch of ids up in the users that hold one of their device ids, which may be added in any order. */
export class DeviceLookup {
  /** Device id to what was asked about it. */
  readonly #asked = new Map<string, { readonly id: string; readonly name: string | undefined }[]>();
  readonly found = new Map<string, DeviceRecord>();

  constructor(ids: readonly string[]) {
    for (const id of new Set(ids)) {
      if (!isPossibleId(id)) continue;
      const { deviceId, name } = parseDeviceId(id);
      const asked = this.#asked.get(deviceId);
      if (asked) asked.push({ id, name });
      else this.#asked.set(deviceId, [{ id, name }]);
    }
  }

  /** The users that hold one of these have to be added. */
  get deviceIds(): string[] {
    return [...this.#asked.keys()];
  }

  /** Of several owners of an id the one with the smallest UUID counts. */
  add(user: User): void {
    const [fewer, more] = user.deviceIds.size < this.#asked.size ? [user.deviceIds, this.#asked] : [this.#asked, user.deviceIds];
    for (const deviceId of fewer.keys()) {
      if (more.has(deviceId)) this.#match(user, deviceId);
    }
  }

  #match(user: User, deviceId: string): void {
    for (const { id, name } of this.#asked.get(deviceId) ?? []) {
      const earlier = this.found.get(id);
      if (earlier !== undefined && earlier.owner <= user.owner) continue;
      const device = user.find(deviceId, name);
      if (device) this.found.set(id, device);
    }
  }
}

/** Whose an API key is: of several owners the one with the smallest UUID counts, of that user's keys the first. */
export function findApiKeys(apiKeys: readonly string[], users: Iterable<User>): Map<string, OwnedPair> {
  const asked = new Set(apiKeys);
  const found = new Map<string, OwnedPair>();
  for (const { owner, keys } of users) {
    for (const { apiKey, deviceId, name } of keys) {
      if (apiKey === undefined || !asked.has(apiKey)) continue;
      const earlier = found.get(apiKey);
      if (earlier === undefined || owner < earlier.owner) found.set(apiKey, { owner, deviceId, name });
    }
  }
  return found;
}
