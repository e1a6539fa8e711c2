/**
 * Runs in every test file before its tests (vitest's `setupFiles`): closes what the harness has opened for a test after that test,
 * the rest after the last one, and then fails the file if it has left a connection, a listener or a child process open itself.
 */
import { afterAll, afterEach, beforeEach, inject } from 'vitest';
import { useEnvironment } from './environment.js';
import { beginTest, closeAll, closeTest } from './registry.js';
import { waitFor } from './wait.js';

useEnvironment({
  runDirectory: inject('runDirectory'),
  redisServer: inject('redisServer'),
  mongod: inject('mongod'),
  chromium: inject('chromium'),
  prometheus: inject('prometheus'),
  buildError: inject('buildError'),
});

beforeEach(beginTest);
afterEach(closeTest);

afterAll(async () => {
  await closeAll();
  await waitFor(() => openHandles().length === 0, { timeoutMs: 3_000, describe: 'everything to be closed' }).catch(() => {
    throw new Error(`This test file has left open: ${openHandles().join(', ')}. Close every client and server that it makes.`);
  });
});

const HANDLES = ['TCPSocketWrap', 'TCPServerWrap', 'TLSWrap', 'ProcessWrap'];

function openHandles(): string[] {
  return process.getActiveResourcesInfo().filter((resource) => HANDLES.includes(resource));
}
