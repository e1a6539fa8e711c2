/**
 * What every peer serves: the devices of the file that this server reads as well, found in memory, so that a miss costs a peer no
 * database. Part of each peer's process, configured by its environment.
 */
import { readFileSync } from 'node:fs';
import { BSON } from 'mongodb';

export const PORT = Number(process.env.PORT);
export const REDIS_URL = process.env.REDIS_URL;
/** Whether the peer's response cache is in front, over Redis. */
export const IS_CACHED = process.env.CACHED === 'yes';
export const TTL_SECONDS = 3_000;

export const typeDefs = `
  enum Visibility { PUBLIC PRIVATE }
  type Device {
    id: ID!
    deviceId: String!
    name: String!
    description: String!
    visibility: Visibility!
    deviceIds: [String!]!
  }
  type Query { devices(ids: [ID!]!): [Device]! }
`;

const devices = new Map();
for (const line of readFileSync(process.env.DEVICES_FILE, 'utf8').split('\n')) {
  if (line === '') continue;
  const { api_keys: keys } = BSON.EJSON.parse(line);
  for (const { device_id: deviceId, device_name: name, description } of keys) {
    const deviceIds = keys.filter((key) => key.device_name === name).map((key) => key.device_id);
    devices.set(`${deviceId}|${name}`, {
      id: `${deviceId}|${name}`,
      deviceId,
      name,
      description,
      visibility: 'PUBLIC',
      deviceIds,
    });
  }
}

export const resolvers = {
  Query: { devices: async (_root, { ids }) => ids.map((id) => devices.get(id) ?? null) },
};
