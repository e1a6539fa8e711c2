import { expect, it } from 'vitest';
import { waitFor } from './wait.js';

it('answers what the condition answered when it came true', async () => {
  let asked = 0;
  expect(await waitFor(() => (asked += 1) === 3 && 'third')).toBe('third');
  expect(asked).toBe(3);
});

it('takes an error for not yet, and shows the last one when it gives up', async () => {
  const refused = new Error('refused');
  const waiting = waitFor(() => Promise.reject(refused), { timeoutMs: 30, describe: 'the server' });
  await expect(waiting).rejects.toThrow('Waited 30 ms in vain for the server.');
  await expect(waiting).rejects.toMatchObject({ cause: refused });
});
