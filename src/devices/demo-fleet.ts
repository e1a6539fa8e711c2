/**
 * The devices that the embedded store holds when no file is given, for a first look and for tests: many plain ones for batches and
 * paging, and one of every case that OpenSensor's data knows. Made from one seed, the same in every process, API keys included.
 */
import { hash } from 'node:crypto';
import { User, type UserKey } from './user-document.js';

const SEED = 'opensensor demo fleet';

/** UUIDs. The grower's is the smaller one, so that what both hold is the grower's. `newcomer` has no devices. */
export const DEMO_USERS = {
  grower: '1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b',
  neighbour: '6fa459ea-ee8a-4ca4-894e-db77e160355e',
  newcomer: 'a3bb189e-8bf9-4888-9912-ace4e6543002',
} as const;

/** Ids of the named cases, all the grower's and public where nothing else is said. */
export const DEMO_DEVICES = {
  /** The newest of a chain of three: `greenhouse-7f3a`, `greenhouse-8b21`, `greenhouse-9c04`. */
  chain: 'greenhouse-9c04|Tomatoes',
  /** Its name is `North|Shelf 2`. */
  nameWithBar: 'cellar-01|North|Shelf 2',
  /** One device id under two names; bare, it is the first. */
  twoNames: ['cart-01|Spring field', 'cart-01|Autumn field'],
  /** Held by both users. */
  twoOwners: 'well-01|Well',
  /** Private, because one of its chain is: `hive-01` is public by itself. */
  mixedChain: 'hive-01|Beehive',
  /** Two keys with one pair; the first describes it. */
  pairTwice: 'compost-01|Compost',
  nonAscii: 'gewächshaus-ü1|温室 🌱',
  emptyDescription: 'silent-01|Silent',
  /** A single private device. */
  private: 'vault-01|Seed vault',
  /** The neighbour's, private. */
  neighboursPrivate: 'shed-01|Shed',
  /** The first of the plain ones. */
  plain: 'sensor-0001|Bed 1',
} as const;

const PLAIN_DEVICES = 1_200;

/** Every tenth plain device is private. */
const PRIVATE_EVERY = 10;

export function demoFleet(): User[] {
  const { grower, neighbour, newcomer } = DEMO_USERS;
  const plain = Array.from({ length: PLAIN_DEVICES }, (_, index) => plainDevice(index + 1));
  const half = PLAIN_DEVICES / 2;
  return [
    new User(grower, [...namedDevices().map(withApiKey(grower)), ...plain.slice(0, half).map(withApiKey(grower))]),
    new User(neighbour, [...neighboursDevices().map(withApiKey(neighbour)), ...plain.slice(half).map(withApiKey(neighbour))]),
    new User(newcomer, []),
  ];
}

type Keyless = Omit<UserKey, 'apiKey'>;

function namedDevices(): Keyless[] {
  return [
    device('greenhouse-7f3a', 'Tomatoes', 'The first sensor at the tomatoes, struck by a fork.'),
    device('greenhouse-8b21', 'Tomatoes', 'Its replacement, drowned in the flood of 2025.'),
    device('greenhouse-9c04', 'Tomatoes', 'The sensor at the tomatoes.'),
    device('cellar-01', 'North|Shelf 2', 'Mushrooms, second shelf from below.'),
    device('cart-01', 'Spring field', 'Moves with the crop: in spring on the south field.'),
    device('cart-01', 'Autumn field', 'The same sensor on the north field.'),
    device('well-01', 'Well', 'The well on the boundary, as its owner describes it.'),
    device('hive-01', 'Beehive', 'Outside the hive.'),
    { ...device('hive-02', 'Beehive', 'Inside the hive.'), isPrivate: true },
    device('compost-01', 'Compost', 'The compost heap.'),
    device('compost-01', 'Compost', 'The compost heap, registered again.'),
    device('gewächshaus-ü1', '温室 🌱', 'Glashaus hinter dem Bahnhof, 駅の裏.'),
    device('silent-01', 'Silent', ''),
    { ...device('vault-01', 'Seed vault', 'Nobody needs to know.'), isPrivate: true },
  ];
}

function neighboursDevices(): Keyless[] {
  return [
    device('well-01', 'Well', 'The well on the boundary, as the neighbour describes it.'),
    { ...device('shed-01', 'Shed', 'Behind the house.'), isPrivate: true },
  ];
}

function plainDevice(number: number): Keyless {
  const id = `sensor-${String(number).padStart(4, '0')}`;
  return {
    ...device(id, `Bed ${String(number)}`, `Soil moisture, bed ${String(number)}.`),
    isPrivate: number % PRIVATE_EVERY === 0,
  };
}

function device(deviceId: string, name: string, description: string): Keyless {
  return { deviceId, name, description, isPrivate: false };
}

/** 32 bytes, base64url, as real ones; by owner and position, since a pair may be there twice. */
function withApiKey(owner: string): (device: Keyless, position: number) => UserKey {
  return (key, position) => ({
    ...key,
    apiKey: hash('sha256', JSON.stringify([SEED, owner, position, key.deviceId]), 'base64url'),
  });
}
