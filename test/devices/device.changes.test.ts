/** The rules of changing devices: who may, in which order it is decided, what is invalidated, and what is never asked of the cache. */
import { describe, expect, it } from 'vitest';
import { ANONYMOUS, type Principal } from '../../src/auth/principal.js';
import { DeviceChanges } from '../../src/devices/device.changes.js';
import type { RegistrationInput, UpdateInput } from '../../src/devices/device.input.js';
import type { DeviceStore } from '../../src/devices/device.store.js';
import { type CodedError, type ErrorCode } from '../../src/errors.js';
import { ANNA, BERT, CLEO, document, find, key, pair } from '../contract/device-store-fixtures.js';
import { counting, deviceKey, embeddedStore, INVALIDATION, passingCache, requestBy, service, user } from './fakes.js';

function setUp(store: DeviceStore = fleet()) {
  const counted = counting(store);
  const cache = passingCache();
  return { store, cache, calls: counted.calls, changes: new DeviceChanges(counted.store, cache) };
}

function fleet() {
  return embeddedStore(
    document(
      ANNA,
      key('a', 'Bed', { key: 'key-a' }),
      key('a', 'Hut'),
      key('b', 'Bed'),
      key('p', 'Private', { private_data: true }),
    ),
    document(BERT, key('c', 'Bed'), key('a', 'Bed')),
  );
}

const input: RegistrationInput = { deviceId: 'new', name: 'Bed', description: '', visibility: 'PUBLIC' };

async function codeOf(change: Promise<unknown>): Promise<ErrorCode | 'done'> {
  return change.then(
    () => 'done',
    (error: unknown) => (error as CodedError).code,
  );
}

describe('registering', () => {
  it('answers the device, its API key this one time, and the invalidation', async () => {
    const { store, changes, cache } = setUp();
    const request = requestBy(user(ANNA));
    const { device, apiKey, invalidation } = await changes.register(request, {
      ...input,
      description: 'Peas',
      visibility: 'PRIVATE',
    });
    expect(device).toEqual({ ...pair(ANNA, 'new', 'Bed'), description: 'Peas', isPrivate: true, deviceIds: ['a', 'b', 'new'] });
    expect(Buffer.from(apiKey, 'base64url')).toHaveLength(32);
    expect(apiKey).toMatch(/^[\w-]{43}$/);
    expect((await store.findApiKeys([apiKey])).get(apiKey)).toEqual(pair(ANNA, 'new', 'Bed'));
    expect(invalidation).toBe(INVALIDATION);
    expect(cache.changes).toHaveLength(1);
    expect(cache.changes[0]).toEqual(expect.arrayContaining(['device:new', `chain:${ANNA}|Bed`, 'devices']));
    expect(request.isStorable).toBe(false);
  });

  it('never makes one API key twice', async () => {
    const { changes } = setUp();
    const keys = await Promise.all(
      ['1', '2', '3'].map(async (deviceId) => (await changes.register(requestBy(user(ANNA)), { ...input, deviceId })).apiKey),
    );
    expect(new Set(keys).size).toBe(3);
  });

  it('is for users', async () => {
    const { changes, calls } = setUp();
    const by = (principal: Principal) => codeOf(changes.register(requestBy(principal), input));
    expect(await by(ANONYMOUS)).toBe('UNAUTHENTICATED');
    expect(await by(service('devices:read'))).toBe('FORBIDDEN');
    expect(await by(deviceKey(ANNA, 'a', 'Bed'))).toBe('FORBIDDEN');
    expect(calls).toEqual([]);
    expect(await by(user(CLEO))).toBe('done');
  });

  it('refuses what anybody holds, the caller included, and invalidates nothing for it', async () => {
    const { changes, cache } = setUp();
    for (const owner of [ANNA, BERT, CLEO]) {
      expect(await codeOf(changes.register(requestBy(user(owner)), { ...input, deviceId: 'c' }))).toBe('DEVICE_EXISTS');
      expect(await codeOf(changes.register(requestBy(user(owner)), { ...input, deviceId: 'p', name: 'Private' }))).toBe(
        'DEVICE_EXISTS',
      );
    }
    expect(cache.changes).toEqual([]);
  });

  it('loses a race with the same error', async () => {
    const { changes } = setUp();
    const tries = [ANNA, BERT, ANNA].map((owner) => codeOf(changes.register(requestBy(user(owner)), input)));
    expect((await Promise.all(tries)).sort()).toEqual(['DEVICE_EXISTS', 'DEVICE_EXISTS', 'done']);
  });

  const good: [string, Partial<RegistrationInput>][] = [
    ['one byte', { deviceId: 'x', name: 'y' }],
    ['256 bytes', { deviceId: 'x'.repeat(256), name: 'ü'.repeat(128) }],
    ['a | in the name', { name: 'a|b|' }],
    ['only white space', { deviceId: ' ', name: '\u00a0' }],
    ['odd text', { deviceId: '__proto__', name: '$where' }],
    ['emoji', { deviceId: '🌱', name: '👩‍🌾' }],
    ['4,096 bytes of description', { description: '😀'.repeat(1_024) }],
    ['lines in the description', { description: 'a\nb\t\0' }],
  ];
  it.each(good)('accepts %s', async (_what, rest) => {
    const { device } = await setUp().changes.register(requestBy(user(ANNA)), { ...input, ...rest });
    expect(device).toMatchObject({ deviceId: 'new', name: 'Bed', description: '', ...rest });
  });

  const bad: [string, Partial<RegistrationInput>, string][] = [
    ['an empty device id', { deviceId: '' }, 'deviceId'],
    ['an empty name', { name: '' }, 'name'],
    ['a device id of 257 bytes', { deviceId: `${'ü'.repeat(128)}x` }, 'deviceId'],
    ['a name of 257 bytes', { name: 'x'.repeat(257) }, 'name'],
    ['a | in the device id', { deviceId: 'a|b' }, 'deviceId'],
    ['NUL', { deviceId: 'a\0' }, 'deviceId'],
    ['a line end', { name: 'a\n' }, 'name'],
    ['DEL', { name: 'a\x7f' }, 'name'],
    ['C1', { deviceId: 'a\x85' }, 'deviceId'],
    ['half a surrogate pair in the device id', { deviceId: 'a\ud800' }, 'deviceId'],
    ['half a surrogate pair in the name', { name: '\udc00a' }, 'name'],
    ['half a surrogate pair in the description', { description: '\ud800' }, 'description'],
    ['4,097 bytes of description', { description: `${'😀'.repeat(1_024)}x` }, 'description'],
  ];
  it.each(bad)('refuses %s before looking anything up', async (_what, rest, field) => {
    const { changes, calls, cache } = setUp();
    const error: unknown = await changes
      .register(requestBy(user(ANNA)), { ...input, ...rest })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'BAD_USER_INPUT', message: expect.stringMatching(new RegExp(`^${field} `)) });
    expect([calls, cache.changes]).toEqual([[], []]);
  });
});

type Change = (changes: DeviceChanges, principal: Principal, id: string) => Promise<unknown>;
const others: Record<string, Change> = {
  updating: (changes, principal, id) => changes.update(requestBy(principal), id, { description: 'x' }),
  removing: (changes, principal, id) => changes.remove(requestBy(principal), id),
  revealing: (changes, principal, id) => changes.revealApiKey(requestBy(principal), id),
};

describe.each(Object.keys(others))('%s', (name) => {
  const change = others[name]!;

  it('asks who it is before looking anything up', async () => {
    const { changes, calls } = setUp();
    for (const id of ['a', 'none', '']) expect(await codeOf(change(changes, ANONYMOUS, id))).toBe('UNAUTHENTICATED');
    expect(calls).toEqual([]);
  });

  it.each<[string, Principal, string, ErrorCode | 'done']>([
    ['the owner', user(ANNA), 'b|Bed', 'done'],
    ['the owner of a private device', user(ANNA), 'p', 'done'],
    ['another user', user(BERT), 'b|Bed', 'FORBIDDEN'],
    ['another user, of a private device', user(BERT), 'p', 'NOT_FOUND'],
    ['who sees every device', user(BERT, 'devices:read'), 'p', 'FORBIDDEN'],
    ['a service that sees every device', service('devices:read'), 'p|Private', 'FORBIDDEN'],
    ['a service', service(), 'b', 'FORBIDDEN'],
    ['a service, of a private device', service(), 'p', 'NOT_FOUND'],
    ['an admin of the cache', user(CLEO, 'cache:admin', 'cache:read'), 'p', 'NOT_FOUND'],
    ['the device itself', deviceKey(ANNA, 'p', 'Private'), 'p', 'FORBIDDEN'],
    ['who holds the pair as the second', user(BERT), 'a|Bed', 'FORBIDDEN'],
  ])('by %s', async (_who, principal, id, expected) => {
    const { changes, cache } = setUp();
    expect(await codeOf(change(changes, principal, id))).toBe(expected);
    if (expected !== 'done') expect(cache.changes).toEqual([]);
  });

  it.each(['none', 'b|Hut', '', '|', 'x'.repeat(2_000), '\ud800', '__proto__'])('knows no %j', async (id) => {
    expect(await codeOf(change(setUp().changes, user(ANNA), id))).toBe('NOT_FOUND');
  });

  it('looks in the store and never in the cache', async () => {
    const { changes, cache, calls } = setUp();
    await change(changes, user(ANNA), 'a');
    expect(calls[0]).toBe('findDevices');
    expect(cache.reads).toEqual([]);
  });

  it('says when the device vanishes meanwhile', async () => {
    const store = fleet();
    const { changes } = setUp({
      ...boundMethods(store),
      findDevices: async (ids) => {
        const found = await store.findDevices(ids);
        await store.remove(pair(ANNA, 'b', 'Bed'));
        return found;
      },
    });
    expect(await codeOf(change(changes, user(ANNA), 'b'))).toBe('NOT_FOUND');
  });
});

function boundMethods(store: DeviceStore): DeviceStore {
  return {
    findDevices: (ids) => store.findDevices(ids),
    findApiKeys: (keys) => store.findApiKeys(keys),
    listDevices: (query) => store.listDevices(query),
    register: (registration) => store.register(registration),
    update: (of, update) => store.update(of, update),
    remove: (of) => store.remove(of),
    revealApiKey: (of) => store.revealApiKey(of),
  };
}

describe('updating', () => {
  it('answers the device as it is now, and invalidates device, chain and listings', async () => {
    const { changes, cache } = setUp();
    const { device, invalidation } = await changes.update(requestBy(user(ANNA)), 'b', {
      description: 'Peas',
      visibility: 'PRIVATE',
    });
    expect(device).toEqual({ ...pair(ANNA, 'b', 'Bed'), description: 'Peas', isPrivate: true, deviceIds: ['a', 'b'] });
    expect(invalidation).toBe(INVALIDATION);
    expect(cache.changes[0]).toEqual(expect.arrayContaining(['device:b', `chain:${ANNA}|Bed`, 'devices']));
  });

  it('takes a bare id for the pair that it stands for', async () => {
    const { changes, store } = setUp();
    await changes.update(requestBy(user(ANNA)), 'a', { description: 'Peas' });
    expect(await find(store, 'a|Bed')).toMatchObject({ description: 'Peas' });
    expect(await find(store, 'a|Hut')).toMatchObject({ description: '' });
  });

  it.each<[UpdateInput, object]>([
    [
      { description: null, visibility: 'PRIVATE' },
      { description: 'before', isPrivate: true },
    ],
    [
      { visibility: null, description: '' },
      { description: '', isPrivate: false },
    ],
    [
      { visibility: null, description: null },
      { description: 'before', isPrivate: false },
    ],
    [{}, { description: 'before', isPrivate: false }],
  ])('leaves what is absent or null: %j', async (update, expected) => {
    const { changes } = setUp(embeddedStore(document(ANNA, key('a', 'Bed', { description: 'before' }))));
    const { device, invalidation } = await changes.update(requestBy(user(ANNA)), 'a', update);
    expect(device).toMatchObject(expected);
    expect(invalidation).toBe(INVALIDATION);
  });

  it.each(['x'.repeat(4_097), '\ud800'])('refuses a bad description before looking anything up', async (description) => {
    const { changes, calls } = setUp();
    expect(await codeOf(changes.update(requestBy(user(ANNA)), 'none', { description }))).toBe('BAD_USER_INPUT');
    expect(calls).toEqual([]);
  });
});

describe('removing', () => {
  it('answers the common name, also for a bare id, and frees the pair', async () => {
    const { changes, cache, store } = setUp();
    const { removedId, invalidation } = await changes.remove(requestBy(user(ANNA)), 'b');
    expect([removedId, invalidation]).toEqual(['b|Bed', INVALIDATION]);
    expect(cache.changes[0]).toEqual(expect.arrayContaining(['device:b', `chain:${ANNA}|Bed`, 'devices']));
    expect(await find(store, 'b')).toBeUndefined();
    expect(await codeOf(changes.register(requestBy(user(CLEO)), { ...input, deviceId: 'b' }))).toBe('done');
  });
});

describe('revealing', () => {
  it('answers the key of the pair and changes nothing', async () => {
    const { changes, cache } = setUp();
    const request = requestBy(user(ANNA));
    expect(await changes.revealApiKey(request, 'a')).toBe('key-a');
    expect([cache.changes, cache.reads, request.isStorable]).toEqual([[], [], false]);
  });
});
