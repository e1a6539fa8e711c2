/** Documents of `Users` for tests, as short as can be, and walks over listings. */
import { Binary, type Document } from 'mongodb';
import {
  commonName,
  type DeviceListingQuery,
  type DeviceRecord,
  type DeviceRegistration,
  type DeviceStore,
  type ListingScope,
  type OwnedPair,
} from '../../src/devices/device.store.js';

/** Three users, in the order of their UUIDs. */
export const ANNA = '0a000000-0000-4000-8000-0000000000ff';
export const BERT = '0b000000-0000-4000-8000-000000000000';
export const CLEO = 'f0000000-0000-4000-8000-000000000000';

/** A document whose `_id` is a UUID as text, or one of another subtype, or no UUID at all. */
export interface UserFixture {
  readonly _id: string | { readonly subtype: number; readonly uuid: string };
  readonly api_keys?: unknown;
}

export interface KeyFixture {
  readonly key: string;
  readonly device_id: string;
  readonly device_name: string;
  readonly description: string;
  readonly private_data: boolean;
}

/** A store over exactly these users, and a second one over the same data, as another pod has it. */
export type MakeStore = (
  users: readonly UserFixture[],
) => Promise<{ readonly store: DeviceStore; readonly another: DeviceStore }>;

export type StoreOf = (...users: UserFixture[]) => Promise<DeviceStore>;

export function document(owner: string, ...api_keys: object[]): UserFixture {
  return { _id: owner, api_keys };
}

export function key(device_id: string, device_name: string, rest: Partial<KeyFixture> = {}): KeyFixture {
  return { key: `key of ${device_id}|${device_name}`, device_id, device_name, description: '', private_data: false, ...rest };
}

export function pair(owner: string, deviceId: string, name: string): OwnedPair {
  return { owner, deviceId, name };
}

export function registration(
  owner: string,
  deviceId: string,
  name: string,
  apiKey = `${owner} ${deviceId}|${name}`,
): DeviceRegistration {
  return { owner, deviceId, name, apiKey, description: '', isPrivate: false };
}

/** The document as the database has it. */
export function stored({ _id, ...rest }: UserFixture): Document {
  return { _id: storedId(_id), ...rest, commands_issued: [], collection_name: 'FreeTier' };
}

function storedId(id: UserFixture['_id']): unknown {
  const { subtype, uuid } = typeof id === 'string' ? { subtype: 4, uuid: id } : id;
  const hex = uuid.replaceAll('-', '');
  return /^[0-9a-f]{32}$/.test(hex) ? new Binary(Buffer.from(hex, 'hex'), subtype) : id;
}

export async function find(store: DeviceStore, id: string): Promise<DeviceRecord | undefined> {
  return (await store.findDevices([id])).get(id);
}

/** One page, by common names. */
export async function collected(store: DeviceStore, scope: ListingScope, rest: Partial<DeviceListingQuery> = {}) {
  const { devices, hasNextPage } = await store.listDevices({ scope, first: 500, ...rest });
  return { devices: devices.map(commonName), hasNextPage };
}

/** All pages, by common names. */
export async function collect(store: DeviceStore, query: DeviceListingQuery): Promise<string[]> {
  const page = await store.listDevices(query);
  const after = page.devices.at(-1);
  if (page.devices.length > query.first) throw new Error('the page is longer than was asked');
  const rest = page.hasNextPage && after ? await collect(store, { ...query, after }) : [];
  return [...page.devices.map(commonName), ...rest];
}
