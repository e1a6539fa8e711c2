/** Who may see and list which devices: every kind of principal against every kind of device. */
import { expect, it } from 'vitest';
import { ANONYMOUS, type Principal } from '../../src/auth/principal.js';
import type { DeviceRecord } from '../../src/devices/device.store.js';
import { isOwner, maySee, ownedScope, visibleScope } from '../../src/devices/device.visibility.js';
import { ANNA, BERT, pair } from '../contract/device-store-fixtures.js';
import { deviceKey, service, user } from './fakes.js';

const device: DeviceRecord = { ...pair(ANNA, 'a', 'Bed'), description: '', isPrivate: true, deviceIds: ['a', 'b'] };

it.each<[string, Principal, boolean]>([
  ['nobody', ANONYMOUS, false],
  ['its owner', user(ANNA), true],
  ['another user', user(BERT), false],
  ['another user with devices:read', user(BERT, 'devices:read'), true],
  ['an admin of the cache', user(BERT, 'cache:admin', 'cache:read'), false],
  ['a service', service(), false],
  ['a service with devices:read', service('devices:read'), true],
  ['itself', deviceKey(ANNA, 'a', 'Bed'), true],
  ['another member of its chain', deviceKey(ANNA, 'b', 'Bed'), false],
  ['its device id under another name', deviceKey(ANNA, 'a', 'Hut'), false],
  ['the same pair of somebody else', deviceKey(BERT, 'a', 'Bed'), false],
])('private devices are seen, or not, by %s', (_who, principal, expected) => {
  expect(maySee(principal, device)).toBe(expected);
  expect(maySee(principal, { ...device, isPrivate: false })).toBe(true);
});

it('only the user who holds it is its owner', () => {
  expect(isOwner(user(ANNA), device)).toBe(true);
  for (const other of [ANONYMOUS, user(BERT, 'devices:read'), service('devices:read'), deviceKey(ANNA, 'a', 'Bed')]) {
    expect(isOwner(other, device)).toBe(false);
  }
});

it('scopes of listings follow from who asks', () => {
  const itself = pair(ANNA, 'a', 'Bed');
  expect(visibleScope(ANONYMOUS)).toEqual({ kind: 'public' });
  expect(visibleScope(service())).toEqual({ kind: 'public' });
  expect(visibleScope(service('devices:read'))).toEqual({ kind: 'all' });
  expect(visibleScope(user(ANNA))).toEqual({ kind: 'visibleToUser', owner: ANNA });
  expect(visibleScope(user(ANNA, 'devices:read'))).toEqual({ kind: 'all' });
  expect(visibleScope(deviceKey(ANNA, 'a', 'Bed'))).toEqual({ kind: 'visibleToDevice', device: itself });
  expect(ownedScope(ANONYMOUS)).toBeUndefined();
  expect(ownedScope(service('devices:read'))).toBeUndefined();
  expect(ownedScope(user(ANNA, 'devices:read'))).toEqual({ kind: 'ownedByUser', owner: ANNA });
  expect(ownedScope(deviceKey(ANNA, 'a', 'Bed'))).toEqual({ kind: 'device', device: itself });
});
