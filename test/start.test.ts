/** `npm start`, as a person or a container runs it. */
import { expect, it } from 'vitest';
import { freePort } from './harness/ports.js';
import { cleanEnvironment, startProcess, type ManagedProcess } from './harness/process.js';
import { waitFor } from './harness/wait.js';

async function npmStart(): Promise<{ readonly npm: ManagedProcess; readonly url: string }> {
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}/readyz`;
  const npm = await startProcess({
    name: 'npm start',
    command: 'npm',
    ownGroup: true,
    args: ['start'],
    env: { ...cleanEnvironment(), PORT: port, HOST: '127.0.0.1' },
    isReady: async () => (await fetch(url)).status === 200,
  });
  return { npm, url };
}

it('serves, and ends in order on SIGTERM', async () => {
  const { npm, url } = await npmStart();
  expect(await npm.stop()).toBe(0);
  await expect(fetch(url)).rejects.toThrow();
});

it('takes a signal to the whole group, which npm passes on besides, for one', async () => {
  const { npm } = await npmStart();
  process.kill(-npm.pid, 'SIGINT');
  await npm.ended({ timeoutMs: 10_000 }); // Whether npm itself ends by the signal or with the code 0 is a matter of who is faster.
  const said = () => [...npm.stdout, ...npm.stderr].join('\n');
  await waitFor(() => said().includes('stopped'));
  expect(said()).not.toMatch(/second SIGINT/);
});
