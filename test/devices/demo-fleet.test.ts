/** The demo fleet: the same in every process, and with every case that it promises. */
import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { expect, it } from 'vitest';
import { DEMO_DEVICES, DEMO_USERS, demoFleet } from '../../src/devices/demo-fleet.js';
import { commonName, type DeviceRecord } from '../../src/devices/device.store.js';
import { EmbeddedDeviceStore } from '../../src/devices/embedded.store.js';

const { grower, neighbour, newcomer } = DEMO_USERS;
const store = new EmbeddedDeviceStore(demoFleet());

async function find(id: string): Promise<DeviceRecord> {
  const device = (await store.findDevices([id])).get(id);
  if (!device) throw new Error(`${id} is not in the fleet`);
  return device;
}

it('is the same in every process, API keys included', () => {
  const script = `import { demoFleet } from './src/devices/demo-fleet.ts'; console.log(JSON.stringify(demoFleet()));`;
  const elsewhere = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  expect(hash('sha256', elsewhere.trim())).toBe(hash('sha256', JSON.stringify(demoFleet())));
});

it('has 1,200 plain devices of two users, some of them private', async () => {
  const { devices } = await store.listDevices({ scope: { kind: 'all' }, search: 'sensor-', first: 2_000 });
  expect(devices).toHaveLength(1_200);
  expect(devices.filter(({ owner }) => owner === grower)).toHaveLength(600);
  expect(devices.filter(({ owner }) => owner === neighbour)).toHaveLength(600);
  expect(devices.filter(({ isPrivate }) => isPrivate)).toHaveLength(120);
  expect(devices.every(({ deviceIds }) => deviceIds.length === 1)).toBe(true);
});

it('has API keys as real ones, each once', () => {
  const keys = demoFleet().flatMap((user) => user.keys.map(({ apiKey }) => apiKey));
  for (const key of keys) expect(key).toMatch(/^[\w-]{43}$/);
  expect(new Set(keys).size).toBe(keys.length);
});

it('has every case by name, each id found under itself', async () => {
  for (const id of Object.values(DEMO_DEVICES).flat()) expect(commonName(await find(id))).toBe(id);

  expect((await find(DEMO_DEVICES.chain)).deviceIds).toEqual(['greenhouse-7f3a', 'greenhouse-8b21', 'greenhouse-9c04']);
  expect((await find(DEMO_DEVICES.nameWithBar)).name).toContain('|');
  const [first, second] = await Promise.all(DEMO_DEVICES.twoNames.map(find));
  expect(first?.deviceId).toBe(second?.deviceId);
  expect(await find(first?.deviceId ?? '')).toEqual(first);
  expect((await find(DEMO_DEVICES.twoOwners)).owner).toBe(grower);
  expect(demoFleet().filter((user) => user.find('well-01', 'Well'))).toHaveLength(2);
  expect(await find(DEMO_DEVICES.mixedChain)).toMatchObject({ isPrivate: true, deviceIds: ['hive-01', 'hive-02'] });
  const pairTwice = demoFleet().flatMap(({ keys }) => keys.filter((key) => commonName(key) === DEMO_DEVICES.pairTwice));
  expect(pairTwice.map(({ description }) => description)).toEqual([
    (await find(DEMO_DEVICES.pairTwice)).description,
    expect.any(String),
  ]);
  expect(DEMO_DEVICES.nonAscii).toMatch(/\P{ASCII}/u);
  expect((await find(DEMO_DEVICES.emptyDescription)).description).toBe('');
  expect(await find(DEMO_DEVICES.private)).toMatchObject({ owner: grower, isPrivate: true });
  expect(await find(DEMO_DEVICES.neighboursPrivate)).toMatchObject({ owner: neighbour, isPrivate: true });
  expect(demoFleet().find(({ owner }) => owner === newcomer)?.keys).toEqual([]);
});
