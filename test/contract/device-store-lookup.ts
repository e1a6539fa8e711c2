/** The contract of device stores: looking up ids and API keys. */
import { describe, expect, it } from 'vitest';
import { commonName } from '../../src/devices/device.store.js';
import { ANNA, BERT, CLEO, collected, document, find, key, pair, type StoreOf } from './device-store-fixtures.js';

export function lookingUp(storeOf: StoreOf): void {
  describe('looking up', () => {
    it('finds a device by its common name', async () => {
      const store = await storeOf(document(ANNA, key('a', 'Bed', { description: 'Peas' })));
      expect(await find(store, 'a|Bed')).toEqual({
        owner: ANNA,
        deviceId: 'a',
        name: 'Bed',
        description: 'Peas',
        isPrivate: false,
        deviceIds: ['a'],
      });
    });

    it('gives a bare id the name of the first key with it', async () => {
      const store = await storeOf(document(ANNA, key('z', 'Other'), key('a', 'Second alphabetically'), key('a', 'First')));
      expect(await find(store, 'a')).toMatchObject({ deviceId: 'a', name: 'Second alphabetically' });
    });

    it('takes everything after the first | for the name', async () => {
      const store = await storeOf(document(ANNA, key('a', 'North|Shelf|2')));
      expect(await find(store, 'a|North|Shelf|2')).toMatchObject({ deviceId: 'a', name: 'North|Shelf|2' });
      expect(await find(store, 'a|North')).toBeUndefined();
    });

    it('knows no pair whose halves exist only apart', async () => {
      const store = await storeOf(document(ANNA, key('a', 'Bed'), key('b', 'Hut')));
      expect(await find(store, 'a|Hut')).toBeUndefined();
    });

    it('is exact about case and white space', async () => {
      const store = await storeOf(document(ANNA, key('a', 'Bed')));
      const found = await store.findDevices(['A|Bed', 'a|bed', 'a|Bed ', ' a|Bed', 'a', 'a|Bed']);
      expect([...found.keys()].sort()).toEqual(['a', 'a|Bed']);
    });

    it('knows nothing of odd ids', async () => {
      const store = await storeOf(document(ANNA, key('a', 'Bed')));
      const odd = [
        '',
        '|',
        '||',
        '|a',
        'a|',
        '$a',
        '$$ROOT',
        '$where',
        '.',
        'a.b',
        '\0',
        'a\0',
        '__proto__',
        '__proto__|constructor',
      ];
      const broken = ['\ud800', 'a|\udc00', 'x'.repeat(1_025), '😀'.repeat(257), 'x'.repeat(2 ** 20)];
      expect(await store.findDevices([...odd, ...broken])).toEqual(new Map());
    });

    it.each([
      '|',
      'a|',
      '|Bed',
      '$a|$b',
      '$$ROOT|$$key',
      '$|$$',
      '.|a.b',
      'a\0b|\0',
      '__proto__|__proto__',
      'constructor|toString',
      '温室|🌱',
      ' | ',
    ])('finds %j where that exists', async (id) => {
      const [deviceId = '', ...rest] = id.split('|');
      const store = await storeOf(
        document(ANNA, key('other', 'Other'), key(deviceId, rest.join('|'), { description: '$cheap' })),
      );
      const found = await store.findDevices([id, 'other|Other']);
      expect(found.get(id)).toMatchObject({ deviceId, name: rest.join('|'), description: '$cheap' });
      expect(found.get('other|Other')).toBeDefined();
    });

    it('finds ids of 1,024 bytes and none that are longer', async () => {
      const longest = `${'ü'.repeat(500)}|${'x'.repeat(23)}`;
      const store = await storeOf(document(ANNA, key('ü'.repeat(500), 'x'.repeat(23)), key('ü'.repeat(500), 'x'.repeat(24))));
      expect(await find(store, longest)).toBeDefined();
      expect(await find(store, `${longest}x`)).toBeUndefined();
    });

    it('counts the owner with the smallest _id, of a pair and of a bare id', async () => {
      const store = await storeOf(
        document(CLEO, key('a', 'Bed', { description: 'Cleo' })),
        document(BERT, key('a', 'Bed', { description: 'Bert' })),
        document(ANNA, key('a', 'Hut', { description: 'Anna' })),
      );
      expect(await find(store, 'a|Bed')).toMatchObject({ owner: BERT, description: 'Bert' });
      expect(await find(store, 'a')).toMatchObject({ owner: ANNA, name: 'Hut' });
    });

    it('has the chain: all device ids of that owner under that name, in the order stored, each once', async () => {
      const store = await storeOf(
        document(BERT, key('c', 'Bed'), key('x', 'Hut'), key('a', 'Bed'), key('c', 'Bed'), key('b', 'Bed')),
        document(CLEO, key('d', 'Bed')),
      );
      for (const id of ['a|Bed', 'b|Bed', 'c']) expect((await find(store, id))?.deviceIds).toEqual(['c', 'a', 'b']);
      expect((await find(store, 'd'))?.deviceIds).toEqual(['d']);
    });

    it('takes several keys with one pair for one device, described by the first', async () => {
      const store = await storeOf(
        document(ANNA, key('a', 'Bed', { description: 'first' }), key('a', 'Bed', { description: 'second' })),
      );
      expect(await find(store, 'a|Bed')).toMatchObject({ description: 'first', deviceIds: ['a'] });
    });

    it('is private when any key of the chain is, the second of a pair too, and no other chain for it', async () => {
      const store = await storeOf(
        document(ANNA, key('a', 'Bed'), key('b', 'Bed'), key('b', 'Bed', { private_data: true }), key('a', 'Hut')),
        document(BERT, key('c', 'Bed')),
      );
      const found = await store.findDevices(['a|Bed', 'b|Bed', 'a|Hut', 'c|Bed']);
      expect([...found].map(([id, { isPrivate }]) => [id, isPrivate]).sort()).toEqual([
        ['a|Bed', true],
        ['a|Hut', false],
        ['b|Bed', true],
        ['c|Bed', false],
      ]);
    });

    it('reads a missing private_data as false and a missing description as empty', async () => {
      const store = await storeOf(
        document(ANNA, { key: 'k', device_id: 'a', device_name: 'Bed' }),
        document(BERT, { ...key('b', 'Bed'), description: null, private_data: null }),
      );
      for (const id of ['a', 'b']) expect(await find(store, id)).toMatchObject({ description: '', isPrivate: false });
    });

    it('passes over what is no user and what is no key', async () => {
      const keys = [
        { key: 'k1', device_name: 'Bed' },
        { key: 'k2', device_id: 'a' },
        { device_id: 1, device_name: 'Bed' },
        key('a', 'Bed'),
      ];
      const store = await storeOf(
        { _id: 'not a uuid', api_keys: [key('a', 'Bed'), key('b', 'Bed')] },
        { _id: { subtype: 3, uuid: ANNA }, api_keys: [key('a', 'Bed'), key('b', 'Bed')] },
        { _id: ANNA },
        { _id: BERT, api_keys: null },
        document(CLEO, ...keys),
      );
      expect(await find(store, 'a')).toMatchObject({ owner: CLEO, name: 'Bed', deviceIds: ['a'] });
      expect(await find(store, 'b')).toBeUndefined();
      expect((await collected(store, { kind: 'all' })).devices).toEqual(['a|Bed']);
    });

    it('answers many ids at once, each by what was asked, asked twice or not', async () => {
      const keys = Array.from({ length: 1_000 }, (_, i) => key(`d${String(i)}`, `Bed ${String(i % 100)}`));
      const store = await storeOf(document(ANNA, ...keys.slice(0, 600)), document(BERT, ...keys.slice(500)));
      const ids = keys.flatMap(({ device_id, device_name }) => [
        device_id,
        `${device_id}|${device_name}`,
        device_id,
        `${device_id}|x`,
      ]);
      const found = await store.findDevices(ids);
      expect(found.size).toBe(2_000);
      for (const [id, device] of found) expect(id.includes('|') ? commonName(device) : device.deviceId).toBe(id);
      expect(found.get('d550')?.owner).toBe(ANNA);
      expect(found.get('d650')?.owner).toBe(BERT);
    });

    it('answers no ids with nothing', async () => {
      expect(await (await storeOf()).findDevices([])).toEqual(new Map());
    });

    it('tells nobody an API key', async () => {
      const store = await storeOf(document(ANNA, key('a', 'Bed', { key: 'secret-1' })));
      const page = await store.listDevices({ scope: { kind: 'all' }, first: 10 });
      expect(JSON.stringify([await find(store, 'a'), page])).not.toContain('secret-1');
    });
  });
}

export function apiKeys(storeOf: StoreOf): void {
  describe('API keys', () => {
    it('belong to a pair and its owner', async () => {
      const store = await storeOf(document(ANNA, key('a', 'Bed', { key: 'k1' })), document(BERT, key('a', 'Bed', { key: 'k2' })));
      expect(await store.findApiKeys(['k1', 'k2', 'k3', '', '$k', '\ud800'])).toEqual(
        new Map([
          ['k1', pair(ANNA, 'a', 'Bed')],
          ['k2', pair(BERT, 'a', 'Bed')],
        ]),
      );
    });

    it('are each accepted where a pair has several', async () => {
      const store = await storeOf(document(ANNA, key('a', 'Bed', { key: 'k1' }), key('a', 'Bed', { key: 'k2' })));
      expect([...(await store.findApiKeys(['k1', 'k2'])).values()]).toEqual([pair(ANNA, 'a', 'Bed'), pair(ANNA, 'a', 'Bed')]);
    });

    it('belong to the smallest _id, and there to the first pair, when the data has one twice', async () => {
      const store = await storeOf(
        document(BERT, key('b', 'Bed', { key: 'k' })),
        document(ANNA, key('z', 'Bed', { key: 'k' }), key('a', 'Bed', { key: 'k' })),
      );
      expect((await store.findApiKeys(['k'])).get('k')).toEqual(pair(ANNA, 'z', 'Bed'));
    });

    it('are nothing when nothing is asked', async () => {
      expect(await (await storeOf()).findApiKeys([])).toEqual(new Map());
    });
  });
}
