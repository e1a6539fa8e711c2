/** The contract of device stores: changes of several pods at the same time. */
import { describe, expect, it } from 'vitest';
import type { DeviceStore, OwnedPair } from '../../src/devices/device.store.js';
import { ANNA, BERT, CLEO, document, find, key, pair, registration, type MakeStore } from './device-store-fixtures.js';

export function atTheSameTime(makeStore: MakeStore): void {
  describe('at the same time', () => {
    it(
      'lets at most one of several registrations of a pair win, and losers leave nothing behind',
      { timeout: 60_000 },
      async () => {
        const { store, another } = await makeStore([document(ANNA, key('other', 'Other'))]);
        const contenders: [DeviceStore, string][] = [
          [store, ANNA],
          [another, BERT],
          [store, CLEO],
          [another, ANNA],
        ];
        for (let round = 0; round < 40; round++) {
          const id = `d${String(round)}`;
          const tries = contenders.map(async ([from, owner], i): Promise<[string, string, boolean]> => {
            const apiKey = `${id}-${String(i)}`;
            return [owner, apiKey, await from.register(registration(owner, id, 'Bed', apiKey))];
          });
          const outcomes = await Promise.all(tries);
          const winners = outcomes.filter(([, , won]) => won);
          expect(winners.length).toBeLessThanOrEqual(1);
          expect((await another.findDevices([id])).get(id)?.owner).toBe(winners[0]?.[0]);
          const keys = await store.findApiKeys(outcomes.map(([, apiKey]) => apiKey));
          expect([...keys.keys()]).toEqual(winners.map(([, apiKey]) => apiKey));
        }
      },
    );

    it('loses no change of one user', { timeout: 60_000 }, async () => {
      const ids = Array.from({ length: 20 }, (_, i) => String(i));
      const held = ids.flatMap((i) => [key(`update${i}`, `U${i}`), key(`remove${i}`, `R${i}`)]);
      const { store, another } = await makeStore([document(ANNA, ...held)]);
      const changes = ids.flatMap((i) => [
        store.register(registration(ANNA, `new${i}`, `N${i}`)),
        another.update(pair(ANNA, `update${i}`, `U${i}`), { description: i, isPrivate: true }),
        store.remove(pair(ANNA, `remove${i}`, `R${i}`)),
      ]);
      expect(await Promise.all(changes)).toEqual(changes.map(() => true));
      const found = await another.findDevices(ids.flatMap((i) => [`new${i}`, `update${i}`, `remove${i}`]));
      expect(found.size).toBe(40);
      for (const i of ids) {
        expect(found.get(`new${i}`)).toBeDefined();
        expect(found.get(`update${i}`)).toMatchObject({ description: i, isPrivate: true });
      }
    });

    it('keeps every pair with one owner when one is registered, removed and registered by turns', async () => {
      const { store, another } = await makeStore([]);
      const turn = async (from: DeviceStore, owner: string) => {
        const mine: OwnedPair = pair(owner, 'a', 'Bed');
        if (await from.register(registration(owner, 'a', 'Bed', owner))) expect(await from.remove(mine)).toBe(true);
      };
      for (let round = 0; round < 10; round++) await Promise.all([turn(store, ANNA), turn(another, BERT), turn(another, CLEO)]);
      expect(await find(store, 'a')).toBeUndefined();
      expect(await store.findApiKeys([ANNA, BERT, CLEO])).toEqual(new Map());
    });
  });
}
