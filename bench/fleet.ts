/**
 * The devices that are asked for: many growers with eight devices each, all public, as documents of `Users`. Written to a MongoDB
 * server, or, where there is none, to a file for the embedded store.
 */
import { hash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Binary, BSON, type Document, MongoClient } from 'mongodb';

const GROWERS = 1_000;
const DEVICES_OF_EACH = 8;
/** In ids; no more are there to ask for. */
export const FLEET_SIZE = GROWERS * DEVICES_OF_EACH;

/** `count` ids, common names, from the `from`-th on. */
export function ids(from: number, count: number): string[] {
  if (from + count > FLEET_SIZE) throw new Error(`The fleet has ${String(FLEET_SIZE)} devices only.`);
  return Array.from({ length: count }, (_, i) => `${deviceIdOf(from + i)}|${nameOf(from + i)}`);
}

/** @returns what the server is, for the report. */
export async function fillMongoDb(url: string): Promise<string> {
  const client = new MongoClient(url);
  try {
    const db = client.db('default');
    await db.collection('Users').insertMany(documents());
    const { version, gitVersion } = await db.command({ buildInfo: 1 });
    if (gitVersion !== undefined) return `MongoDB ${String(version)}`;
    return `another server with the protocol of MongoDB ${String(version)}, whose speed is not MongoDB's`;
  } finally {
    await client.close();
  }
}

export function writeDevicesFile(path: string): void {
  writeFileSync(
    path,
    documents()
      .map((document) => `${BSON.EJSON.stringify(document)}\n`)
      .join(''),
  );
}

function documents(): Document[] {
  return Array.from({ length: GROWERS }, (_, grower) => ({
    _id: new Binary(Buffer.from(hash('md5', `grower ${String(grower)}`), 'hex'), Binary.SUBTYPE_UUID),
    api_keys: Array.from({ length: DEVICES_OF_EACH }, (_, i) => key(grower * DEVICES_OF_EACH + i)),
    commands_issued: [],
    collection_name: 'FreeTier',
  }));
}

function key(number: number): Document {
  return {
    key: hash('sha256', `key ${String(number)}`, 'base64url'),
    device_id: deviceIdOf(number),
    device_name: nameOf(number),
    description: `Soil moisture and temperature of ${nameOf(number)}.`,
    private_data: false,
  };
}

function deviceIdOf(number: number): string {
  return `sensor-${String(number).padStart(4, '0')}`;
}

/** The last two devices of a grower are a chain: one replaced the other. */
function nameOf(number: number): string {
  return `Bed ${String(number % DEVICES_OF_EACH === DEVICES_OF_EACH - 1 ? number - 1 : number)}`;
}
