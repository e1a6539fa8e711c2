import { MongoClient } from 'mongodb';
import { expect, it } from 'vitest';
import { describeWithMongoDb, startMongoDb } from './mongodb.js';

describeWithMongoDb('startMongoDb', () => {
  it('starts, dies, comes back with its data, and stops', async () => {
    const server = await startMongoDb();
    const client = new MongoClient(server.url, { serverSelectionTimeoutMS: 5_000 });
    try {
      const things = client.db('test').collection('things');
      await things.insertOne({ name: 'a' }, { writeConcern: { w: 1, journal: true } });
      await server.kill();
      await server.restart();
      expect(await things.countDocuments({ name: 'a' })).toBe(1);
    } finally {
      await client.close();
    }
    await server.stop();
    expect(server.running).toBe(false);
  });
});
