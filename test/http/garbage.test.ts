/**
 * What a request leaves behind is freed by V8's collections of the young generation. A long-lived object that points at each request, or
 * response, for a moment is enough to have all of them kept until the next full collection, which nothing but the load shows.
 */
import { expect, it } from 'vitest';
import { startServer, type ServerProcess } from '../harness/server.js';

/** In the server's process: each collection prints what became of it, and SIGURG makes everything old that is alive. */
const PRELOAD = `
  import { setFlagsFromString } from 'node:v8';
  import { runInNewContext } from 'node:vm';
  setFlagsFromString('--trace-gc');
  setFlagsFromString('--trace-gc-nvp');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  process.on('SIGURG', () => { collect(); });
`;
const CONNECTIONS = 16;
const REQUESTS = 6_000;
/** Of what was allocated. Below half of one is usual; with all that hangs on a response it is two to eight. */
const MAX_PERCENT_KEPT = 1.5;

async function load(server: ServerProcess): Promise<void> {
  const one = async () => {
    for (let i = 0; i < REQUESTS / CONNECTIONS; i++) {
      const { status } = await server.graphql('query ($id: ID!) { device(id: $id) { id name } }', { id: 'greenhouse-7f3a' });
      expect(status).toBe(200);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
}

it('is freed young, also after all that was alive at some moment has become old', async () => {
  const server = await startServer({
    CACHE_RESPONSE_TTL_SECONDS: '0',
    LOG_LEVEL: 'warn',
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(PRELOAD)}`,
  });
  await load(server);
  const loading = load(server);
  process.kill(server.pid, 'SIGURG');
  await loading;
  process.kill(server.pid, 'SIGURG');
  const seen = server.stdout.length;
  await load(server);
  const collections = server.stdout.slice(seen).filter((line) => line.includes('gc=s '));
  const sumOf = (name: string) =>
    collections.reduce((sum, line) => sum + Number(new RegExp(` ${name}=(\\d+)`).exec(line)?.[1]), 0);
  expect(collections.length).toBeGreaterThan(5);
  expect((100 * sumOf('promoted')) / sumOf('allocated')).toBeLessThan(MAX_PERCENT_KEPT);
});
