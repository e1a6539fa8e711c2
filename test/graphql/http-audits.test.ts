/** GraphQL over HTTP, as its working group audits it: no error, and no more warnings than Apollo Server has by itself. */
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { auditServer } from 'graphql-http';
import { expect, it } from 'vitest';
import { track } from '../harness/registry.js';
import { startServer } from '../harness/server.js';

/** Names of the audits that a server does not pass, by how bad that is. */
async function audit(url: string): Promise<{ readonly errors: string[]; readonly warnings: string[] }> {
  const results = await auditServer({
    url,
    // As every client that may send GET, which Apollo Server asks for lest other sites send it.
    fetchFn: (input: string, init: RequestInit = {}) =>
      fetch(input, { ...init, headers: { ...(init.headers as Record<string, string>), 'apollo-require-preflight': 'true' } }),
  });
  expect(results.length).toBeGreaterThan(50);
  const named = (status: string) => results.filter((result) => result.status === status).map(({ id, name }) => `${id} ${name}`);
  return { errors: named('error'), warnings: named('warn') };
}

it('gives the same result when its answers are stored', async () => {
  const [caching, plain] = await Promise.all([startServer(), startServer({ CACHE_RESPONSE_TTL_SECONDS: '0' })]);
  const uncached = await audit(`${plain.url}/graphql`);
  for (const state of ['cold', 'warm', 'hot']) {
    expect({ state, ...(await audit(`${caching.url}/graphql`)) }).toEqual({ state, ...uncached });
  }
  const answer = await caching.graphql('{ __typename }');
  expect(answer.headers.get('cache-status')).toMatch(/hit/); // as the audits ask
});

it('passes the audits as well as Apollo Server by itself', async () => {
  const bare = new ApolloServer({ typeDefs: 'type Query { hello: String }', stopOnTerminationSignals: false });
  const { url } = await startStandaloneServer(bare, { listen: { port: 0, host: '127.0.0.1' } });
  track({ name: 'bare Apollo Server', close: () => bare.stop() });
  const server = await startServer();

  const theirs = await audit(url);
  const ours = await audit(`${server.url}/graphql`);
  expect(ours.errors).toEqual([]);
  expect(theirs.errors).toEqual([]);
  expect(theirs.warnings).toEqual(expect.arrayContaining(ours.warnings));
});
