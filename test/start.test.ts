/** `npm start`, as a person or a container runs it. */
import { expect, it } from 'vitest';
import { freePort } from './harness/ports.js';
import { cleanEnvironment, startProcess } from './harness/process.js';

it('npm start serves, and ends in order on SIGTERM', async () => {
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}/readyz`;
  const npm = await startProcess({
    name: 'npm start',
    command: 'npm',
    args: ['start'],
    env: { ...cleanEnvironment(), PORT: port, HOST: '127.0.0.1' },
    isReady: async () => (await fetch(url)).status === 200,
  });
  expect(await npm.stop()).toBe(0);
  await expect(fetch(url)).rejects.toThrow();
});
