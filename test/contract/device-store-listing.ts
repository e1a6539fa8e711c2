/** The contract of device stores: listing. */
import { describe, expect, it } from 'vitest';
import { commonName, type DeviceListingQuery, type ListingScope } from '../../src/devices/device.store.js';
import {
  ANNA,
  BERT,
  CLEO,
  collect,
  collected,
  document,
  find,
  key,
  pair,
  registration,
  type StoreOf,
} from './device-store-fixtures.js';

export function listing(storeOf: StoreOf): void {
  const fleet = [
    document(
      ANNA,
      key('a1', 'Bed'),
      key('a2', 'Secret', { private_data: true }),
      key('a3', 'Mixed'),
      key('a4', 'Mixed', { private_data: true }),
    ),
    document(BERT, key('b1', 'Bed'), key('b2', 'Secret', { private_data: true })),
  ];
  const every = ['a1|Bed', 'a2|Secret', 'a3|Mixed', 'a4|Mixed', 'b1|Bed', 'b2|Secret'];

  describe('listing', () => {
    const scopes: [string, ListingScope, string[]][] = [
      ['public devices', { kind: 'public' }, ['a1|Bed', 'b1|Bed']],
      ['all devices', { kind: 'all' }, every],
      ['what a user may see', { kind: 'visibleToUser', owner: BERT }, ['a1|Bed', 'b1|Bed', 'b2|Secret']],
      ['what a user without devices may see', { kind: 'visibleToUser', owner: CLEO }, ['a1|Bed', 'b1|Bed']],
      [
        'what a device may see: itself, not its chain',
        { kind: 'visibleToDevice', device: pair(ANNA, 'a3', 'Mixed') },
        ['a1|Bed', 'a3|Mixed', 'b1|Bed'],
      ],
      ['what a user owns', { kind: 'ownedByUser', owner: ANNA }, every.slice(0, 4)],
      ['what a user without devices owns', { kind: 'ownedByUser', owner: CLEO }, []],
      ['a device', { kind: 'device', device: pair(ANNA, 'a4', 'Mixed') }, ['a4|Mixed']],
      ['no device that is gone', { kind: 'device', device: pair(ANNA, 'a4', 'Bed') }, []],
      ["no device of somebody else's", { kind: 'device', device: pair(BERT, 'a1', 'Bed') }, []],
    ];
    it.each(scopes)('lists %s', async (_what, scope, expected) => {
      expect(await collected(await storeOf(...fleet), scope)).toEqual({ devices: expected, hasNextPage: false });
    });

    it('lists devices as they are looked up', async () => {
      const store = await storeOf(...fleet);
      const { devices } = await store.listDevices({ scope: { kind: 'all' }, first: 10 });
      for (const device of devices) expect(await find(store, commonName(device))).toEqual(device);
    });

    it('lists each pair once, as its owner has it, and to those who may see that', async () => {
      const store = await storeOf(
        document(ANNA, key('a', 'Bed', { private_data: true }), key('a', 'Bed')),
        document(BERT, key('a', 'Bed'), key('b', 'Bed'), key('b', 'Bed')),
        document(CLEO, key('b', 'Bed', { private_data: true })),
      );
      const ids = async (scope: ListingScope) => (await collected(store, scope)).devices;
      expect(await ids({ kind: 'all' })).toEqual(['a|Bed', 'b|Bed']);
      expect(await ids({ kind: 'public' })).toEqual(['b|Bed']);
      expect(await ids({ kind: 'visibleToUser', owner: BERT })).toEqual(['b|Bed']);
      expect(await ids({ kind: 'ownedByUser', owner: ANNA })).toEqual(['a|Bed']);
      expect(await ids({ kind: 'ownedByUser', owner: BERT })).toEqual(['b|Bed']);
      expect(await ids({ kind: 'ownedByUser', owner: CLEO })).toEqual([]);
      expect(await ids({ kind: 'device', device: pair(BERT, 'a', 'Bed') })).toEqual([]);
      expect(await ids({ kind: 'visibleToDevice', device: pair(BERT, 'a', 'Bed') })).toEqual(['b|Bed']);
    });

    it('orders by device id, then name, in the order of UTF-8 bytes', async () => {
      const inOrder: [string, string][] = [
        ['', 'no id'],
        ['A', 'x'],
        ['a', ''],
        ['a', 'Z'],
        ['a', 'a'],
        ['a', '\uffee'],
        ['a', '😀'],
        ['a-', 'a'],
        ['aa', 'a'],
        ['ä', 'a'],
        ['\ue000', 'a'],
        ['\uffee', 'a'],
        ['𐀀', 'a'],
        ['😀', 'a'],
        ['😀😀', 'a'],
      ];
      const shuffled = inOrder.toReversed().map(([deviceId, name]) => key(deviceId, name));
      const store = await storeOf(document(ANNA, ...shuffled.slice(0, 7)), document(BERT, ...shuffled.slice(7)));
      const expected = inOrder.map(([deviceId, name]) => `${deviceId}|${name}`);
      expect((await collected(store, { kind: 'all' })).devices).toEqual(expected);
      for (const first of [1, 2, 4]) expect(await collect(store, { scope: { kind: 'all' }, first })).toEqual(expected);
    });

    it.each([1, 3, 7, 50])('shows each device exactly once in a walk of %i at a time', async (first) => {
      const keys = Array.from({ length: 50 }, (_, i) =>
        key(`d${String(i % 7)}`, `Bed ${String(i)}`, { private_data: i % 3 === 0 }),
      );
      const store = await storeOf(document(ANNA, ...keys.slice(0, 30)), document(BERT, ...keys.slice(20)));
      const walked = await collect(store, { scope: { kind: 'visibleToUser', owner: BERT }, first });
      const expected = keys
        .filter((_, i) => i % 3 !== 0 || i >= 30)
        .map(({ device_id, device_name }) => `${device_id}|${device_name}`);
      expect(walked).toEqual(expected.sort());
    });

    it('shows what is there throughout exactly once, whatever comes and goes meanwhile', async () => {
      const store = await storeOf(document(ANNA, ...['b', 'd', 'f', 'h'].map((id) => key(id, 'Bed'))));
      const scope: ListingScope = { kind: 'all' };
      const first = await collected(store, scope, { first: 2 });
      expect(first).toEqual({ devices: ['b|Bed', 'd|Bed'], hasNextPage: true });
      await store.remove(pair(ANNA, 'd', 'Bed'));
      await store.register(registration(ANNA, 'a', 'Bed'));
      await store.register(registration(ANNA, 'e', 'Bed'));
      expect(await collected(store, scope, { first: 5, after: { deviceId: 'd', name: 'Bed' } })).toEqual({
        devices: ['e|Bed', 'f|Bed', 'h|Bed'],
        hasNextPage: false,
      });
    });

    it('says whether anything follows, hidden devices not counted', async () => {
      const store = await storeOf(document(ANNA, key('a', 'Bed'), key('b', 'Hut'), key('c', 'Den', { private_data: true })));
      expect(await collected(store, { kind: 'public' }, { first: 1 })).toEqual({ devices: ['a|Bed'], hasNextPage: true });
      expect(await collected(store, { kind: 'public' }, { first: 2 })).toEqual({
        devices: ['a|Bed', 'b|Hut'],
        hasNextPage: false,
      });
      expect(await collected(store, { kind: 'all' }, { first: 2 })).toEqual({ devices: ['a|Bed', 'b|Hut'], hasNextPage: true });
    });

    it('leaves out what no id can address', async () => {
      const store = await storeOf(document(ANNA, key('a|b', 'Bed'), key('c', 'x'.repeat(1_023)), key('d', 'x'.repeat(1_022))));
      expect((await collected(store, { kind: 'all' })).devices).toEqual([`d|${'x'.repeat(1_022)}`]);
    });

    const searched = document(
      ANNA,
      ...['a.b', 'a*b', 'axb', 'A[B]', 'back\\slash', 'b(r)a{c}e', '^start$', 'plus+?', 'slash/', 'nul\0nul', '$price'].map(
        (id) => key(id, '1'),
      ),
      key('one', 'Äpfel'),
      key('two', 'straße'),
      key('three', 'ОГУРЦЫ'),
      key('four', 'Emoji 🌱'),
      key('five', 'Bed'),
    );
    const searches: [string, string[]][] = [
      ['a.b', ['a.b|1']],
      ['a*b', ['a*b|1']],
      ['A[b', ['A[B]|1']],
      ['K\\S', ['back\\slash|1']],
      ['(R)A{C}', ['b(r)a{c}e|1']],
      ['^START$', ['^start$|1']],
      ['+?', ['plus+?|1']],
      ['h/', ['slash/|1']],
      ['L\0N', ['nul\0nul|1']],
      ['$PRICE', ['$price|1']],
      ['äPF', ['one|Äpfel']],
      ['STRAßE', ['two|straße']],
      ['огурцы', ['three|ОГУРЦЫ']],
      ['🌱', ['four|Emoji 🌱']],
      ['BED', ['five|Bed']],
      ['five|Bed', []],
      ['b|', []],
      ['.*', []],
      ['\ud83c', []],
      ['a'.repeat(100_000), []],
      ['(', ['b(r)a{c}e|1']],
    ];
    it.each(searches)('finds %j literally, in id or name, case ignored', async (search, expected) => {
      expect((await collected(await storeOf(searched), { kind: 'all' }, { search })).devices).toEqual(expected);
    });

    it('takes an empty search for none', async () => {
      const store = await storeOf(...fleet);
      expect((await collected(store, { kind: 'all' }, { search: '' })).devices).toEqual(every);
    });

    it('searches in pages, and only in what the scope shows', async () => {
      const store = await storeOf(...fleet);
      const query: DeviceListingQuery = { scope: { kind: 'visibleToUser', owner: BERT }, search: 'E', first: 1 };
      expect(await collect(store, query)).toEqual(['a1|Bed', 'b1|Bed', 'b2|Secret']);
      expect((await collected(store, { kind: 'ownedByUser', owner: ANNA }, { search: 'mix' })).devices).toEqual([
        'a3|Mixed',
        'a4|Mixed',
      ]);
      expect((await collected(store, { kind: 'device', device: pair(ANNA, 'a4', 'Mixed') }, { search: 'bed' })).devices).toEqual(
        [],
      );
    });

    it('searches for a pair as its owner has it, though another has the text elsewhere', async () => {
      const store = await storeOf(
        document(ANNA, key('a', 'Bed', { private_data: true })),
        document(BERT, key('a', 'Bed'), key('bed', 'Hut')),
      );
      expect((await collected(store, { kind: 'public' }, { search: 'bed' })).devices).toEqual(['bed|Hut']);
    });
  });
}
