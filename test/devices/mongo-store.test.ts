/** What only MongoDB can show: what is written, what is asked, and what comes of failures. */
import { randomUUID } from 'node:crypto';
import { Binary, MongoClient, type CommandStartedEvent, type CommandSucceededEvent, type Db, type Document } from 'mongodb';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeviceStore } from '../../src/devices/device.store.js';
import { MongoDeviceStore } from '../../src/devices/mongo.store.js';
import { ANNA, BERT, CLEO, document, key, pair, registration, stored } from '../contract/device-store-fixtures.js';
import { describeWithMongoDb, startMongoDb, type MongoServer } from '../harness/mongodb.js';
import { track } from '../harness/registry.js';

describeWithMongoDb('the MongoDB store', () => {
  let client: MongoClient;
  let db: Db;
  let store: MongoDeviceStore;
  let commands: { name: string; sent: Document; reply: string }[];

  beforeAll(async () => {
    const { url } = await startMongoDb();
    client = connect(url);
    const sent = new Map<number, Document>();
    client.on('commandStarted', ({ requestId, command }: CommandStartedEvent) => sent.set(requestId, command));
    client.on('commandSucceeded', ({ requestId, commandName, reply }: CommandSucceededEvent) => {
      commands.push({ name: commandName, sent: sent.get(requestId) ?? {}, reply: JSON.stringify(reply) });
    });
  });

  beforeEach(async () => {
    commands = [];
    db = client.db(`test-${randomUUID()}`);
    store = new MongoDeviceStore(db);
    await store.ensureIndexes();
    await insert(document(ANNA, key('a', 'Bed', { key: 'secret-a' })), document(BERT, key('b', 'Bed', { key: 'secret-b' })));
    commands = [];
  });

  async function insert(...users: Parameters<typeof stored>[0][]): Promise<void> {
    await db.collection('Users').insertMany(users.map(stored));
  }

  async function readUser(owner: string): Promise<Document | null> {
    return db.collection('Users').findOne({ _id: stored({ _id: owner })._id as never });
  }

  it('creates the document of a new user as the older API does', async () => {
    await store.register({ ...registration(CLEO, 'c', 'Bed', 'k'), description: 'Beans', isPrivate: true });
    const { _id, ...rest } = (await readUser(CLEO)) ?? {};
    expect(_id).toBeInstanceOf(Binary);
    expect(_id).toMatchObject({ sub_type: 4 });
    expect(rest).toEqual({
      api_keys: [{ key: 'k', device_id: 'c', device_name: 'Bed', description: 'Beans', private_data: true }],
      commands_issued: [],
      collection_name: 'FreeTier',
    });
  });

  it('leaves what else a document holds as it is', async () => {
    const users = db.collection('Users');
    const others = {
      commands_issued: [{ device_id: 'c', device_name: 'Bed', command: 'blink' }],
      collection_name: 'Paid',
      plan: { seats: 2 },
    };
    await users.insertOne({ ...stored(document(CLEO, { ...key('c', 'Bed'), firmware: '1.2' })), ...others });
    await store.register(registration(CLEO, 'd', 'Bed'));
    await store.update(pair(CLEO, 'c', 'Bed'), { description: 'x', isPrivate: true });
    await store.remove(pair(CLEO, 'd', 'Bed'));
    const expected = { ...key('c', 'Bed'), firmware: '1.2', description: 'x', private_data: true };
    expect(await readUser(CLEO)).toMatchObject({ ...others, api_keys: [expected] });
  });

  it('leaves neither key nor document behind when a registration is refused or withdrawn', { timeout: 60_000 }, async () => {
    const another = new MongoDeviceStore(db);
    for (let round = 0; round < 30; round++) {
      const id = `d${String(round)}`;
      const [anna, cleo] = await Promise.all([
        store.register(registration(ANNA, id, 'Bed')),
        another.register(registration(CLEO, id, 'Bed')),
      ]);
      if (!cleo) expect(await readUser(CLEO)).toBeNull();
      if (cleo) await db.collection('Users').deleteOne({ _id: stored({ _id: CLEO })._id as never });
      expect((await readUser(ANNA))?.api_keys).toHaveLength(anna ? 2 : 1);
      if (anna) await store.remove(pair(ANNA, id, 'Bed'));
    }
  });

  it('withdraws when somebody else pushes between its first and its second look', async () => {
    const users = db.collection('Users');
    let pushed: Promise<unknown> | undefined;
    const intrude = ({ commandName }: CommandSucceededEvent): void => {
      // Stands for the older API, which takes no care of others: right after the first look.
      if (commandName === 'find')
        pushed ??= users.updateOne(
          { _id: stored({ _id: BERT })._id as never },
          { $push: { api_keys: key('c', 'Bed') as never } },
        );
    };
    const slowed = Object.create(users) as typeof users;
    slowed.updateOne = async (...call: Parameters<typeof users.updateOne>) => {
      await pushed;
      return users.updateOne(...call);
    };
    const racing = new MongoDeviceStore({ collection: () => slowed } as unknown as Db);
    client.on('commandSucceeded', intrude);
    try {
      expect(await racing.register(registration(CLEO, 'c', 'Bed', 'withdrawn'))).toBe(false);
    } finally {
      client.off('commandSucceeded', intrude);
    }
    expect(await readUser(CLEO)).toBeNull();
    expect((await store.findDevices(['c'])).get('c')?.owner).toBe(BERT);
  });

  it('asks once, however many ids there are', async () => {
    const others = Array.from({ length: 300 }, (_, i) => document(randomUUID(), key(`d${String(i)}`, 'Bed')));
    await insert(...others);
    const ids = Array.from({ length: 100_000 }, (_, i) => `d${String(i)}|Bed`);
    commands = [];
    expect((await store.findDevices(['$a', 'a', ...ids])).size).toBe(301);
    expect((await store.findApiKeys(['secret-a', 'secret-b', ...ids.slice(0, 100)])).size).toBe(2);
    expect(commands.map(({ name }) => name)).toEqual(['find', 'aggregate']);
  });

  it('asks nothing when no id is possible', async () => {
    await store.findDevices(['', 'x'.repeat(1_025), '\ud800']);
    await store.findApiKeys([]);
    await store.listDevices({ scope: { kind: 'all' }, search: 'x'.repeat(5_000), first: 10 });
    expect(commands).toEqual([]);
  });

  it('never moves an API key out of the database but to reveal it or to answer for it', async () => {
    await store.findDevices(['a', 'b|Bed']);
    for (const kind of ['all', 'public'] as const) await store.listDevices({ scope: { kind }, search: 'bed', first: 10 });
    await store.listDevices({ scope: { kind: 'ownedByUser', owner: BERT }, first: 10 });
    await store.listDevices({ scope: { kind: 'device', device: pair(ANNA, 'a', 'Bed') }, first: 10 });
    await store.register(registration(BERT, 'a', 'Bed'));
    await store.update(pair(ANNA, 'a', 'Bed'), {});
    await store.findApiKeys(['secret-b']);
    await store.revealApiKey(pair(BERT, 'b', 'Bed'));
    expect(commands.length).toBeGreaterThan(8);
    expect(commands.filter(({ reply }) => reply.includes('secret-a'))).toEqual([]);
    expect(commands.filter(({ reply }) => reply.includes('secret-b')).map(({ name }) => name)).toEqual([
      'aggregate',
      'aggregate',
    ]);
  });

  it('asks the primary with a time limit, and has changes acknowledged by a majority', async () => {
    await store.findDevices(['a']);
    await store.findApiKeys(['k']);
    await store.listDevices({ scope: { kind: 'ownedByUser', owner: ANNA }, first: 10 });
    await store.register(registration(CLEO, 'c', 'Bed'));
    await store.update(pair(ANNA, 'a', 'Bed'), { description: 'x' });
    await store.revealApiKey(pair(ANNA, 'a', 'Bed'));
    await store.remove(pair(ANNA, 'a', 'Bed'));
    for (const { sent } of commands) expect(sent).toMatchObject({ maxTimeMS: 5_000 });
    const changes = commands.filter(({ name }) => name === 'update');
    expect(changes).toHaveLength(3);
    for (const { sent } of changes) expect(sent.writeConcern).toMatchObject({ w: 'majority' });
  });

  it('creates the two indexes once, and is content with the same ones under other names', async () => {
    const names = async (database: Db) =>
      (await database.collection('Users').indexes()).map(({ key: fields }) => JSON.stringify(fields)).sort();
    const expected = ['{"_id":1}', '{"api_keys.device_id":1,"api_keys.device_name":1}', '{"api_keys.key":1}'];
    await Promise.all([store.ensureIndexes(), store.ensureIndexes()]);
    expect(await names(db)).toEqual(expected);

    const older = client.db(`test-${randomUUID()}`);
    await older.collection('Users').createIndexes([{ key: { 'api_keys.key': 1 }, name: 'by_key' }]);
    await new MongoDeviceStore(older).ensureIndexes();
    expect(await names(older)).toEqual(expected);
  });
});

describeWithMongoDb('without its database, the MongoDB store', () => {
  let server: MongoServer;
  let store: MongoDeviceStore;

  beforeAll(async () => {
    server = await startMongoDb();
    const client = connect(server.url);
    store = new MongoDeviceStore(client.db('default'));
    await store.ensureIndexes();
    await server.stop();
  });

  const operations: Record<string, (store: DeviceStore) => Promise<unknown>> = {
    findDevices: (from) => from.findDevices(['a']),
    findApiKeys: (from) => from.findApiKeys(['k']),
    listDevices: (from) => from.listDevices({ scope: { kind: 'all' }, first: 1 }),
    register: (from) => from.register(registration(ANNA, 'a', 'Bed')),
    update: (from) => from.update(pair(ANNA, 'a', 'Bed'), { description: 'x' }),
    remove: (from) => from.remove(pair(ANNA, 'a', 'Bed')),
    revealApiKey: (from) => from.revealApiKey(pair(ANNA, 'a', 'Bed')),
  };

  describe('says so with a code, keeps the cause for the log, and tells no address', () => {
    it.each(Object.keys(operations))('%s', async (name) => {
      const failure: unknown = await operations[name]!(store).catch((error: unknown) => error);
      expect(failure).toMatchObject({ name: 'CodedError', code: 'DATABASE_UNAVAILABLE' });
      expect((failure as Error).message).not.toContain(String(server.port));
      expect((failure as Error).cause).toBeInstanceOf(Error);
    });
  });
});

function connect(url: string): MongoClient {
  const client = new MongoClient(url, { monitorCommands: true, serverSelectionTimeoutMS: 500, connectTimeoutMS: 500 });
  track({ name: 'MongoDB client', close: () => client.close() });
  return client;
}
