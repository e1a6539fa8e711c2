/**
 * MongoDB itself, past every proxy: what the older API would do to it, and what it really holds. Called by the workload and by the run.
 */
import { randomBytes } from 'node:crypto';
import { Binary, type Collection, MongoClient } from 'mongodb';
import { type Chain, valueOf } from './devices.js';
import type { Value } from '../checker/history.js';

interface StoredKey {
  readonly key: string;
  readonly device_id: string;
  readonly device_name: string;
  readonly description: string;
  readonly private_data: boolean;
}

interface UserDocument {
  readonly _id: Binary;
  readonly api_keys: StoredKey[];
  readonly commands_issued: readonly unknown[];
  readonly collection_name: string;
}

export class Database {
  readonly #client: MongoClient;
  readonly #users: Collection<UserDocument>;

  constructor(url: string) {
    this.#client = new MongoClient(url);
    this.#users = this.#client.db('default').collection('Users');
  }

  /** Makes a user who holds these chains as they are at first. */
  async populate(owner: string, chains: readonly Chain[]): Promise<void> {
    const keys = chains.flatMap(({ name, state, apiKeys }) =>
      state.keys.map(({ deviceId, description, apiKeyRegister }): StoredKey => {
        const key = randomBytes(32).toString('base64url');
        apiKeys.set(apiKeyRegister, key);
        return { key, device_id: deviceId, device_name: name, description, private_data: state.visibility === 'PRIVATE' };
      }),
    );
    await this.#users.insertOne({ _id: uuid(owner), api_keys: keys, commands_issued: [], collection_name: 'FreeTier' });
  }

  /** Changes a description as another program would. */
  async describe(owner: string, chain: Chain, deviceId: string, description: string): Promise<void> {
    const { matchedCount } = await this.#users.updateOne(
      { _id: uuid(owner) },
      { $set: { 'api_keys.$[key].description': description } },
      { arrayFilters: [{ 'key.device_id': deviceId, 'key.device_name': chain.name }], writeConcern: { w: 'majority' } },
    );
    if (matchedCount !== 1) throw new Error(`The user ${owner} is gone.`);
  }

  /** What the devices of a chain would read as, by device id. */
  async read(owner: string, chain: Chain): Promise<Map<string, Value>> {
    const user = await this.#users.findOne({ _id: uuid(owner) });
    const keys = user?.api_keys.filter((key) => key.device_name === chain.name) ?? [];
    const visibility = keys.some((key) => key.private_data) ? 'PRIVATE' : 'PUBLIC';
    const deviceIds = keys.map((key) => key.device_id);
    return new Map(
      chain.deviceIds.map((deviceId) => {
        const key = keys.find((candidate) => candidate.device_id === deviceId);
        return [deviceId, valueOf(key === undefined ? null : { description: key.description, visibility, deviceIds })];
      }),
    );
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

function uuid(text: string): Binary {
  return new Binary(Buffer.from(text.replaceAll('-', ''), 'hex'), Binary.SUBTYPE_UUID);
}
