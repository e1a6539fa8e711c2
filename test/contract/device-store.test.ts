/** Runs the contract of device stores over both of them. */
import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { beforeAll, describe } from 'vitest';
import { EmbeddedDeviceStore } from '../../src/devices/embedded.store.js';
import { MongoDeviceStore } from '../../src/devices/mongo.store.js';
import { readUser } from '../../src/devices/user-document.js';
import { describeWithMongoDb, startMongoDb } from '../harness/mongodb.js';
import { track } from '../harness/registry.js';
import { stored } from './device-store-fixtures.js';
import { deviceStoreContract } from './device-store.js';

describe('the embedded store', () => {
  deviceStoreContract((users) => {
    const store = new EmbeddedDeviceStore(users.map((user) => readUser(stored(user))).filter((user) => user !== undefined));
    return Promise.resolve({ store, another: store });
  });
});

describeWithMongoDb('the MongoDB store', () => {
  let pods: MongoClient[];
  beforeAll(async () => {
    const { url } = await startMongoDb();
    pods = [new MongoClient(url), new MongoClient(url)];
    for (const client of pods) track({ name: 'MongoDB client', close: () => client.close() });
  });

  deviceStoreContract(async (users) => {
    const name = `test-${randomUUID()}`;
    const [db, other] = pods.map((client) => client.db(name));
    if (!db || !other) throw new Error('two clients are needed');
    const store = new MongoDeviceStore(db);
    await store.ensureIndexes();
    if (users.length > 0) await db.collection('Users').insertMany(users.map(stored));
    return { store, another: new MongoDeviceStore(other) };
  });
});
