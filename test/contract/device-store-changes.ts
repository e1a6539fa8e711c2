/** The contract of device stores: registering, updating, removing, revealing. */
import { describe, expect, it } from 'vitest';
import { ANNA, BERT, CLEO, collected, document, find, key, pair, registration, type StoreOf } from './device-store-fixtures.js';

export function changing(storeOf: StoreOf): void {
  describe('registering', () => {
    it('adds a device at the end of its chain, for a user with devices and for a new one', async () => {
      const store = await storeOf(document(ANNA, key('a', 'Bed')));
      expect(await store.register({ ...registration(ANNA, 'b', 'Bed', 'new-key'), description: 'Beans', isPrivate: true })).toBe(
        true,
      );
      expect(await store.register(registration(BERT, 'c', 'Bed'))).toBe(true);
      expect(await find(store, 'b')).toMatchObject({ owner: ANNA, description: 'Beans', isPrivate: true, deviceIds: ['a', 'b'] });
      expect(await find(store, 'c')).toMatchObject({ owner: BERT, deviceIds: ['c'], isPrivate: false });
      expect((await store.findApiKeys(['new-key'])).get('new-key')).toEqual(pair(ANNA, 'b', 'Bed'));
      expect((await collected(store, { kind: 'ownedByUser', owner: BERT })).devices).toEqual(['c|Bed']);
    });

    it('refuses a pair that anybody holds, the caller included, and leaves nothing behind', async () => {
      const store = await storeOf(document(BERT, key('a', 'Bed')));
      for (const owner of [ANNA, BERT, CLEO])
        expect(await store.register(registration(owner, 'a', 'Bed', `key of ${owner}`))).toBe(false);
      expect(await find(store, 'a|Bed')).toMatchObject({ owner: BERT, deviceIds: ['a'] });
      expect(await store.findApiKeys([ANNA, BERT, CLEO].map((owner) => `key of ${owner}`))).toEqual(new Map());
    });

    it('takes a device id under another name, and a name with another device id', async () => {
      const store = await storeOf(document(ANNA, key('a', 'Bed')));
      expect(await store.register(registration(BERT, 'a', 'Hut'))).toBe(true);
      expect(await store.register(registration(BERT, 'b', 'Bed'))).toBe(true);
      expect(await store.register(registration(ANNA, 'b', 'Hut'))).toBe(true);
    });

    it.each(['__proto__', '$set', '$$ROOT', 'a.b', '.', '温室🌱'])('takes %j for a name like any other', async (name) => {
      const store = await storeOf();
      expect(await store.register(registration(ANNA, name, name, name))).toBe(true);
      expect(await store.register(registration(BERT, name, name))).toBe(false);
      expect(await find(store, `${name}|${name}`)).toMatchObject({ owner: ANNA, deviceIds: [name] });
      expect(await store.update(pair(ANNA, name, name), { description: name, isPrivate: true })).toBe(true);
      expect(await find(store, name)).toMatchObject({ description: name, isPrivate: true });
      expect(await store.revealApiKey(pair(ANNA, name, name))).toBe(name);
      expect(await store.remove(pair(ANNA, name, name))).toBe(true);
      expect(await find(store, name)).toBeUndefined();
    });

    it('takes a pair again that was removed', async () => {
      const store = await storeOf(document(ANNA, key('a', 'Bed')));
      await store.remove(pair(ANNA, 'a', 'Bed'));
      expect(await store.register(registration(BERT, 'a', 'Bed'))).toBe(true);
      expect(await find(store, 'a')).toMatchObject({ owner: BERT });
    });
  });

  describe('updating', () => {
    const users = [
      document(
        ANNA,
        key('a', 'Bed'),
        key('a', 'Bed'),
        key('b', 'Bed', { description: 'b' }),
        key('a', 'Hut', { description: 'hut' }),
      ),
      document(BERT, key('a', 'Bed'), key('c', 'Bed')),
    ];

    it('puts the description on all keys of the pair and on no other', async () => {
      const store = await storeOf(...users);
      expect(await store.update(pair(ANNA, 'a', 'Bed'), { description: 'Peas' })).toBe(true);
      expect(await find(store, 'a|Bed')).toMatchObject({ description: 'Peas', isPrivate: false });
      expect(await find(store, 'b|Bed')).toMatchObject({ description: 'b' });
      expect(await find(store, 'a|Hut')).toMatchObject({ description: 'hut' });
    });

    it('sets visibility on all keys of the chain and on no other', async () => {
      const store = await storeOf(...users);
      expect(await store.update(pair(ANNA, 'b', 'Bed'), { isPrivate: true })).toBe(true);
      const found = await store.findDevices(['a|Bed', 'b|Bed', 'a|Hut', 'c|Bed']);
      expect([...found].flatMap(([id, { isPrivate }]) => (isPrivate ? [id] : [])).sort()).toEqual(['a|Bed', 'b|Bed']);
      expect(found.get('b|Bed')).toMatchObject({ description: 'b' });
      // Public again only if no key was left out.
      expect(await store.update(pair(ANNA, 'a', 'Bed'), { isPrivate: false })).toBe(true);
      expect(await find(store, 'b|Bed')).toMatchObject({ isPrivate: false });
    });

    it('makes a mixed chain public', async () => {
      const store = await storeOf(
        document(ANNA, key('a', 'Bed'), key('b', 'Bed', { private_data: true }), { device_id: 'c', device_name: 'Bed' }),
      );
      expect(await store.update(pair(ANNA, 'a', 'Bed'), { isPrivate: false, description: '' })).toBe(true);
      expect(await find(store, 'b|Bed')).toMatchObject({ isPrivate: false });
    });

    it('leaves everything as it is when nothing is to change', async () => {
      const store = await storeOf(...users);
      const before = await find(store, 'b|Bed');
      expect(await store.update(pair(ANNA, 'b', 'Bed'), {})).toBe(true);
      expect(await find(store, 'b|Bed')).toEqual(before);
    });

    it('touches nobody else who holds the pair', async () => {
      const store = await storeOf(...users);
      await store.update(pair(BERT, 'a', 'Bed'), { description: 'of Bert', isPrivate: true });
      expect(await find(store, 'a|Bed')).toMatchObject({ owner: ANNA, description: '', isPrivate: false });
    });

    it.each([{ description: 'x' }, { isPrivate: true }, {}])(
      'says when the owner no longer holds the pair: %j',
      async (update) => {
        const store = await storeOf(...users);
        for (const gone of [pair(ANNA, 'c', 'Bed'), pair(ANNA, 'b', 'Hut'), pair(CLEO, 'a', 'Bed')]) {
          expect(await store.update(gone, update)).toBe(false);
        }
        expect((await collected(store, { kind: 'public' })).devices).toHaveLength(4);
      },
    );
  });

  describe('removing', () => {
    it('removes all keys of the pair and no others', async () => {
      const store = await storeOf(
        document(ANNA, key('a', 'Bed', { key: 'k1' }), key('b', 'Bed'), key('a', 'Hut'), key('a', 'Bed', { key: 'k2' })),
        document(BERT, key('a', 'Bed', { key: 'k3' })),
      );
      expect(await store.remove(pair(ANNA, 'a', 'Bed'))).toBe(true);
      expect(await find(store, 'a|Bed')).toMatchObject({ owner: BERT });
      expect((await find(store, 'b'))?.deviceIds).toEqual(['b']);
      expect(await find(store, 'a')).toMatchObject({ owner: ANNA, name: 'Hut' });
      expect([...(await store.findApiKeys(['k1', 'k2', 'k3'])).keys()]).toEqual(['k3']);
    });

    it('says when the owner no longer holds the pair', async () => {
      const store = await storeOf(document(ANNA, key('a', 'Bed'), key('b', 'Hut')));
      for (const gone of [pair(ANNA, 'a', 'Hut'), pair(BERT, 'a', 'Bed')]) expect(await store.remove(gone)).toBe(false);
      expect(await store.remove(pair(ANNA, 'a', 'Bed'))).toBe(true);
      expect(await store.remove(pair(ANNA, 'a', 'Bed'))).toBe(false);
      expect((await collected(store, { kind: 'all' })).devices).toEqual(['b|Hut']);
    });
  });

  describe('revealing', () => {
    it('shows the first key of the pair, to its owner', async () => {
      const store = await storeOf(
        document(ANNA, key('a', 'Hut', { key: 'k0' }), key('a', 'Bed', { key: 'k1' }), key('a', 'Bed', { key: 'k2' })),
        document(BERT, key('a', 'Bed', { key: 'k3' })),
      );
      expect(await store.revealApiKey(pair(ANNA, 'a', 'Bed'))).toBe('k1');
      expect(await store.revealApiKey(pair(BERT, 'a', 'Bed'))).toBe('k3');
    });

    it('passes over keys of the pair that have none', async () => {
      const store = await storeOf(document(ANNA, { device_id: 'a', device_name: 'Bed' }, key('a', 'Bed', { key: 'k1' })));
      expect(await store.revealApiKey(pair(ANNA, 'a', 'Bed'))).toBe('k1');
    });

    it('has nothing to show when the owner no longer holds the pair', async () => {
      const store = await storeOf(document(ANNA, key('a', 'Bed')));
      for (const gone of [pair(ANNA, 'a', 'Hut'), pair(BERT, 'a', 'Bed')]) expect(await store.revealApiKey(gone)).toBeUndefined();
    });
  });
}
