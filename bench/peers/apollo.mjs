/** Apollo Server on fastify as its documentation sets it up, with its official response cache over Keyv's Redis where `CACHED=yes`. */
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginCacheControl } from '@apollo/server/plugin/cacheControl';
import responseCachePlugin from '@apollo/server-plugin-response-cache';
import { KeyvAdapter } from '@apollo/utils.keyvadapter';
import { fastifyApolloDrainPlugin, fastifyApolloHandler } from '@as-integrations/fastify';
import KeyvRedis from '@keyv/redis';
import fastify from 'fastify';
import Keyv from 'keyv';
import { IS_CACHED, PORT, REDIS_URL, resolvers, TTL_SECONDS, typeDefs } from './devices.mjs';

const app = fastify();
const cached = () => ({
  cache: new KeyvAdapter(new Keyv(new KeyvRedis(REDIS_URL))),
  plugins: [ApolloServerPluginCacheControl({ defaultMaxAge: TTL_SECONDS }), responseCachePlugin()],
});
const { cache, plugins } = IS_CACHED ? cached() : { cache: undefined, plugins: [] };
const apollo = new ApolloServer({ typeDefs, resolvers, cache, plugins: [...plugins, fastifyApolloDrainPlugin(app)] });
await apollo.start();
app.route({ url: '/graphql', method: ['GET', 'POST'], handler: fastifyApolloHandler(apollo) });
await app.listen({ port: PORT, host: '127.0.0.1' });
