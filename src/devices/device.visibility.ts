/** Who may see, list and change which devices. Pure; reads follow it for cached and uncached devices alike, changes for fresh ones. */
import { hasPermission, type Principal } from '../auth/principal.js';
import type { DeviceRecord, ListingScope, OwnedPair } from './device.store.js';

/** Whether the principal may see the device, wherever it was found. */
export function maySee(principal: Principal, device: DeviceRecord): boolean {
  return (
    !device.isPrivate || isOwner(principal, device) || isItself(principal, device) || hasPermission(principal, 'devices:read')
  );
}

export function isOwner(principal: Principal, device: OwnedPair): boolean {
  return principal.kind === 'USER' && principal.id === device.owner;
}

/** An API key is its own pair's, of its own owner; other members of its chain are not it. */
function isItself(principal: Principal, { owner, deviceId, name }: OwnedPair): boolean {
  return principal.kind === 'DEVICE' && principal.owner === owner && principal.deviceId === deviceId && principal.name === name;
}

/** All devices that the principal may see. */
export function visibleScope(principal: Principal): ListingScope {
  if (hasPermission(principal, 'devices:read')) return { kind: 'all' };
  if (principal.kind === 'USER') return { kind: 'visibleToUser', owner: principal.id };
  if (principal.kind === 'DEVICE') return { kind: 'visibleToDevice', device: pairOf(principal) };
  return { kind: 'public' };
}

/** The principal's own devices; undefined when it can't have any. */
export function ownedScope(principal: Principal): ListingScope | undefined {
  if (principal.kind === 'USER') return { kind: 'ownedByUser', owner: principal.id };
  if (principal.kind === 'DEVICE') return { kind: 'device', device: pairOf(principal) };
  return undefined;
}

function pairOf({ owner, deviceId, name }: OwnedPair): OwnedPair {
  return { owner, deviceId, name };
}
