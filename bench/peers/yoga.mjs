/** GraphQL Yoga on node:http, with its response cache over Redis where `CACHED=yes`. */
import { createServer } from 'node:http';
import { createRedisCache } from '@envelop/response-cache-redis';
import { useResponseCache } from '@graphql-yoga/plugin-response-cache';
import { createSchema, createYoga } from 'graphql-yoga';
import { Redis } from 'ioredis';
import { IS_CACHED, PORT, REDIS_URL, resolvers, TTL_SECONDS, typeDefs } from './devices.mjs';

const responseCache = () =>
  useResponseCache({ session: () => null, ttl: 1_000 * TTL_SECONDS, cache: createRedisCache({ redis: new Redis(REDIS_URL) }) });
const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  plugins: IS_CACHED ? [responseCache()] : [],
  logging: 'error',
});
createServer(yoga).listen(PORT, '127.0.0.1');
