/** Mercurius with its JIT, and with mercurius-cache over Redis where `CACHED=yes`. */
import fastify from 'fastify';
import { Redis } from 'ioredis';
import mercurius from 'mercurius';
import mercuriusCache from 'mercurius-cache';
import { IS_CACHED, PORT, REDIS_URL, resolvers, TTL_SECONDS, typeDefs } from './devices.mjs';

const app = fastify();
app.register(mercurius, { schema: typeDefs, resolvers, jit: 1 });
if (IS_CACHED) {
  const storage = { type: 'redis', options: { client: new Redis(REDIS_URL) } };
  app.register(mercuriusCache, { ttl: TTL_SECONDS, policy: { Query: { devices: true } }, storage });
}
await app.listen({ port: PORT, host: '127.0.0.1' });
