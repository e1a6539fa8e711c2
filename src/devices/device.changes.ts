/**
 * Registering, updating, removing devices and revealing their API keys. The one write path: it asks who it is before anything else,
 * looks devices up fresh and never in the cache, and makes every change through the cache's writer, which invalidates what the change
 * has made stale. Called by the resolver. API keys that pass through here are neither logged nor cached.
 */
import { randomBytes } from 'node:crypto';
import type { Principal, UserPrincipal } from '../auth/principal.js';
import { type CacheWriter, type Invalidation, OutboxError } from '../cache/cache.js';
import { CodedError } from '../errors.js';
import type { RequestScope } from '../request.js';
import { parseRegistration, parseUpdate, type RegistrationInput, type UpdateInput } from './device.input.js';
import { commonName, type DeviceRecord, type DeviceStore, type OwnedPair } from './device.store.js';
import { tagsOfChain, tagsOfChange } from './device.tags.js';
import { isOwner, maySee } from './device.visibility.js';

const API_KEY_BYTES = 32;

export interface DeviceChange {
  /** The device after the change. */
  readonly device: DeviceRecord;
  readonly invalidation: Invalidation;
}

export interface DeviceRegistered extends DeviceChange {
  readonly apiKey: string;
}

export interface DeviceRemoved {
  readonly removedId: string;
  readonly invalidation: Invalidation;
}

/** Every method rejects with a CodedError that is meant for the client. */
export class DeviceChanges {
  constructor(
    readonly store: DeviceStore,
    readonly cache: CacheWriter,
  ) {}

  /** Users only. `DEVICE_EXISTS` when anybody holds the pair. */
  async register(request: RequestScope, input: RegistrationInput): Promise<DeviceRegistered> {
    const { id: owner } = authenticateUser(request);
    const device = parseRegistration(input);
    const pair = { owner, deviceId: device.deviceId, name: device.name };
    // Asked here too, though the store decides: what is refused anyway invalidates nothing.
    if (await this.#find(commonName(pair))) throw deviceExists();
    const apiKey = randomBytes(API_KEY_BYTES).toString('base64url');
    const { result: registered, invalidation } = await this.#record(pair, async () =>
      (await this.store.register({ ...device, owner, apiKey })) ? this.#findAgain(pair) : undefined,
    );
    if (registered === undefined) throw deviceExists();
    return { device: registered, apiKey, invalidation };
  }

  /** The owner only. What is undefined or null is left as it is. */
  async update(request: RequestScope, id: string, input: UpdateInput): Promise<DeviceChange> {
    const principal = authenticate(request);
    const update = parseUpdate(input);
    const { pair } = await this.#findOwned(principal, id);
    return this.#change(pair, async () => ((await this.store.update(pair, update)) ? this.#findAgain(pair) : undefined));
  }

  /** The owner only. */
  async remove(request: RequestScope, id: string): Promise<DeviceRemoved> {
    const { pair, device } = await this.#findOwned(authenticate(request), id);
    const { invalidation } = await this.#change(pair, async () => ((await this.store.remove(pair)) ? device : undefined));
    return { removedId: commonName(pair), invalidation };
  }

  /** The owner only. */
  async revealApiKey(request: RequestScope, id: string): Promise<string> {
    const { pair } = await this.#findOwned(authenticate(request), id);
    const apiKey = await this.store.revealApiKey(pair);
    if (apiKey === undefined) throw notFound();
    return apiKey;
  }

  async #find(id: string): Promise<DeviceRecord | undefined> {
    return (await this.store.findDevices([id])).get(id);
  }

  async #findOwned(principal: Principal, id: string): Promise<{ pair: OwnedPair; device: DeviceRecord }> {
    const device = await this.#find(id);
    if (!device || !maySee(principal, device)) throw notFound();
    if (!isOwner(principal, device)) throw new CodedError('FORBIDDEN', 'Only its owner can do this to a device.');
    return { pair: { owner: device.owner, deviceId: device.deviceId, name: device.name }, device };
  }

  /** @param change answers undefined when the pair is gone meanwhile. */
  async #change(pair: OwnedPair, change: () => Promise<DeviceRecord | undefined>): Promise<DeviceChange> {
    const { result: device, invalidation } = await this.#record(pair, change);
    if (device === undefined) throw notFound();
    return { device, invalidation };
  }

  /**
   * Without the record of what a change invalidates, it is not made. It alters the answers to all device ids under the name. Where one of
   * them is cached as absent, only its own tag says so, and the invalidation of its own registration may still be pending.
   * @param change answers the device with all ids under its name; undefined when it was not made.
   */
  async #record(
    pair: OwnedPair,
    change: () => Promise<DeviceRecord | undefined>,
  ): Promise<{ readonly result: DeviceRecord | undefined; readonly invalidation: Invalidation }> {
    try {
      return await this.cache.change(tagsOfChange(pair), change, (device) => (device === undefined ? [] : tagsOfChain(device)));
    } catch (error) {
      if (!(error instanceof OutboxError)) throw error;
      throw new CodedError('DATABASE_UNAVAILABLE', 'The database can not be asked now; nothing was changed.', { cause: error });
    }
  }

  /** After a change; somebody may have removed it since. */
  async #findAgain(pair: OwnedPair): Promise<DeviceRecord> {
    const device = await this.#find(commonName(pair));
    if (!device) throw notFound();
    return device;
  }
}

function authenticate(request: RequestScope): Principal {
  request.noStore();
  const principal = request.principal();
  if (principal.kind === 'ANONYMOUS') throw new CodedError('UNAUTHENTICATED', 'Changing devices needs a bearer token.');
  return principal;
}

function authenticateUser(request: RequestScope): UserPrincipal {
  const principal = authenticate(request);
  if (principal.kind !== 'USER') throw new CodedError('FORBIDDEN', 'Only users can register devices.');
  return principal;
}

function notFound(): CodedError {
  return new CodedError('NOT_FOUND', 'There is no such device, or you may not see it.');
}

function deviceExists(): CodedError {
  return new CodedError('DEVICE_EXISTS', 'This pair of device id and name is registered already.');
}
