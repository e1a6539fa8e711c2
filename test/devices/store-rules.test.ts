/** The rules of both stores against a second statement of them, as short and slow as can be, over random fleets full of collisions. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { searchPattern } from '../../src/devices/device-listing.js';
import { EmbeddedDeviceStore } from '../../src/devices/embedded.store.js';
import type { DeviceRecord, ListingScope, OwnedPair } from '../../src/devices/device.store.js';
import { User } from '../../src/devices/user-document.js';

interface Key extends OwnedPair {
  readonly description: string;
  readonly isPrivate: boolean;
  readonly apiKey: string;
}

const OWNERS = [1, 2, 3, 4].map((n) => `0000000${String(n)}-0000-4000-8000-000000000000`);
const word = fc.constantFrom('a', 'b', 'B', 'ab', '😀', '\uffee', '', '__proto__', '$a', 'a.b');
const name = fc.oneof(word, fc.constantFrom('a|b', '|'));
const key: fc.Arbitrary<Key> = fc.record({
  owner: fc.constantFrom(...OWNERS),
  deviceId: word,
  name,
  description: fc.string(),
  isPrivate: fc.boolean(),
  apiKey: fc.constantFrom('k1', 'k2', 'k3', 'k4', 'k5'),
});
/** Keys of all users, in the order stored. */
const fleet = fc.array(key, { maxLength: 25 });

function storeOf(keys: readonly Key[]): EmbeddedDeviceStore {
  return new EmbeddedDeviceStore(
    OWNERS.toReversed().map(
      (owner) =>
        new User(
          owner,
          keys.filter((other) => other.owner === owner),
        ),
    ),
  );
}

/** The first key of the smallest owner among those that fit. */
function winner(keys: readonly Key[], fits: (key: Key) => boolean): Key | undefined {
  return OWNERS.flatMap((owner) => keys.filter((other) => other.owner === owner && fits(other)))[0];
}

function deviceOf(keys: readonly Key[], { owner, deviceId, name: chain, description }: Key): DeviceRecord {
  const members = keys.filter((other) => other.owner === owner && other.name === chain);
  const deviceIds = [...new Set(members.map((member) => member.deviceId))];
  return { owner, deviceId, name: chain, description, isPrivate: members.some((member) => member.isPrivate), deviceIds };
}

function lookUp(keys: readonly Key[], id: string): DeviceRecord | undefined {
  if (id === '') return undefined;
  const [deviceId, ...rest] = id.split('|');
  const found = winner(keys, (other) => other.deviceId === deviceId && (rest.length === 0 || other.name === rest.join('|')));
  return found && deviceOf(keys, found);
}

function sees(scope: ListingScope, device: DeviceRecord): boolean {
  const isOf = (owned: OwnedPair) => (['owner', 'deviceId', 'name'] as const).every((field) => owned[field] === device[field]);
  if (scope.kind === 'all') return true;
  if (scope.kind === 'public') return !device.isPrivate;
  if (scope.kind === 'visibleToUser') return !device.isPrivate || device.owner === scope.owner;
  if (scope.kind === 'ownedByUser') return device.owner === scope.owner;
  return isOf(scope.device) || (scope.kind === 'visibleToDevice' && !device.isPrivate);
}

it('looks up as the rules say', async () => {
  await fc.assert(
    fc.asyncProperty(
      fleet,
      fc.array(
        fc.oneof(
          word,
          fc.tuple(word, name).map((pair) => pair.join('|')),
        ),
      ),
      async (keys, others) => {
        const ids = [...new Set([...others, ...keys.flatMap(({ deviceId, name: chain }) => [deviceId, `${deviceId}|${chain}`])])];
        const found = await storeOf(keys).findDevices(ids);
        for (const id of ids) expect(found.get(id)).toEqual(lookUp(keys, id));
        for (const [id, device] of found) if (id.includes('|')) expect(`${device.deviceId}|${device.name}`).toBe(id);
      },
    ),
    { numRuns: 500 },
  );
});

it('finds the owners of API keys as the rules say', async () => {
  await fc.assert(
    fc.asyncProperty(fleet, async (keys) => {
      const found = await storeOf(keys).findApiKeys(['k1', 'k2', 'k3', 'k9']);
      for (const apiKey of ['k1', 'k2', 'k3', 'k9']) {
        const { owner, deviceId, name: chain } = winner(keys, (other) => other.apiKey === apiKey) ?? {};
        expect(found.get(apiKey)).toEqual(owner && { owner, deviceId, name: chain });
      }
    }),
    { numRuns: 300 },
  );
});

const pair: fc.Arbitrary<OwnedPair> = fc.record({ owner: fc.constantFrom(...OWNERS), deviceId: word, name });
const owner = fc.constantFrom(...OWNERS);
const scope: fc.Arbitrary<ListingScope> = fc.oneof(
  fc.constantFrom<ListingScope>({ kind: 'all' }, { kind: 'public' }),
  fc.record({ kind: fc.constantFrom('visibleToUser' as const, 'ownedByUser' as const), owner }),
  fc.record({ kind: fc.constantFrom('visibleToDevice' as const, 'device' as const), device: pair }),
);

it('lists as the rules say, in pages of any length', async () => {
  await fc.assert(
    fc.asyncProperty(fleet, scope, fc.integer({ min: 1, max: 5 }), fc.option(word), async (keys, asked, first, search) => {
      const text = search?.toLowerCase() ?? '';
      const ids = [...new Set(keys.map(({ deviceId, name: chain }) => `${deviceId}|${chain}`))];
      const expected = ids
        .flatMap((id) => lookUp(keys, id) ?? [])
        .filter((device) => sees(asked, device))
        .filter((device) => [device.deviceId, device.name].some((field) => field.toLowerCase().includes(text)))
        .sort(
          (a, b) => Buffer.from(a.deviceId).compare(Buffer.from(b.deviceId)) || Buffer.from(a.name).compare(Buffer.from(b.name)),
        );

      const store = storeOf(keys);
      const walked: DeviceRecord[] = [];
      for (let hasNextPage = true; hasNextPage;) {
        const after = walked.at(-1);
        const page = await store.listDevices({ scope: asked, first, search: search ?? undefined, after });
        expect(page.devices.length).toBeLessThanOrEqual(first);
        if (page.hasNextPage) expect(page.devices).toHaveLength(first);
        walked.push(...page.devices);
        hasNextPage = page.hasNextPage;
      }
      expect(walked).toEqual(expected);
    }),
    { numRuns: 1_000 },
  );
});

it('writes no NUL into a search, which MongoDB refuses in a regular expression', () => {
  expect(searchPattern('a\0.b')).toBe('a\\x00\\.b');
});
