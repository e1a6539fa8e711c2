/** A client of Redis itself, past every proxy, for faults and topologies. */
import { Redis } from 'ioredis';
import { track } from '../../harness/registry.js';
import { waitFor } from '../../harness/wait.js';

/** Its commands fail while Redis does. */
export async function connectToRedis(port: number): Promise<Redis> {
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 20, commandTimeout: 2_000 });
  client.on('error', () => undefined); // Redis is killed now and then
  track({ name: 'client of Redis', close: () => Promise.resolve(client.disconnect()) });
  await waitFor(() => client.status === 'ready', { describe: 'Redis to answer the test' });
  return client;
}
