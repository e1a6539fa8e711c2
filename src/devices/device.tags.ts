/**
 * The tags that device entries of the cache carry and device changes invalidate. What an entry depends on and what a change alters
 * must meet in one of them, so both are here.
 */
import { commonName, parseDeviceId, type DevicePage, type DeviceRecord, type OwnedPair } from './device.store.js';

/** The cache's namespace of answers to one id each. */
export const DEVICE_NAMESPACE = 'device_meta';

/** Everything known about a device id, absence included. */
function deviceTag(deviceId: string): string {
  return `device:${deviceId}`;
}

/** Every device of an owner under one name. */
function chainTag({ owner, name }: Pick<OwnedPair, 'owner' | 'name'>): string {
  return `chain:${owner}|${name}`;
}

/** Under which the answer to one id is cached. */
function deviceKey(id: string): string {
  return `${DEVICE_NAMESPACE}:${id}`;
}

/**
 * Every listing, that of one's own devices too: when somebody removes a pair that two users held, it passes to the other one, in
 * whose listing nothing had hinted at it.
 */
const LISTINGS_TAG = 'devices';

/** Of the answer to one id. The id's own device id is among them even when nothing was found. */
export function tagsOfDevice(id: string, device: DeviceRecord | undefined): string[] {
  return [...new Set([deviceTag(parseDeviceId(id).deviceId), ...(device ? tagsOfFound(device) : [])])];
}

/** Key and tags of the answer to an id that there is nothing for. */
export function depsOfAbsence(id: string): string[] {
  return [deviceKey(id), ...tagsOfDevice(id, undefined)];
}

/** Of one page of a listing. */
export function tagsOfListing({ devices }: DevicePage): string[] {
  return [...new Set([LISTINGS_TAG, ...devices.flatMap(tagsOfFound)])];
}

/** What a change of the pair makes stale: the answers to its device id, its chain, and all listings; two of the keys are known by name. */
export function tagsOfChange(pair: OwnedPair): string[] {
  return [deviceTag(pair.deviceId), chainTag(pair), LISTINGS_TAG, deviceKey(pair.deviceId), deviceKey(commonName(pair))];
}

/** Of every device id under the name of the device. */
export function tagsOfChain({ deviceIds }: DeviceRecord): string[] {
  return deviceIds.map(deviceTag);
}

/** What an admin means by "everything known about this device"; `id` as `devices` takes it. Also what another program has changed. */
export function depsOfDevice(id: string): string[] {
  return [deviceTag(parseDeviceId(id).deviceId), LISTINGS_TAG, deviceKey(id)];
}

function tagsOfFound(device: DeviceRecord): string[] {
  return [...tagsOfChain(device), chainTag(device)];
}
