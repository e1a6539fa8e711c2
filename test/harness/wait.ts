/**
 * Waiting for a condition, the only way in which a test lets time pass. Called by tests and by the harness itself.
 */

export interface WaitOptions {
  /** How long the condition may take to come true. Default 5,000 ms. */
  readonly timeoutMs?: number;
  /** What is waited for, as the error should say it: `the key to expire`. */
  readonly describe?: string;
}

const INTERVAL_MS = 10;

/**
 * Asks `condition` every 10 ms until it answers something truthy, and answers that. A condition that throws has not come true yet.
 * Rejects after `timeoutMs`, with what the condition last threw as the cause.
 */
export async function waitFor<T>(condition: () => T | Promise<T>, options: WaitOptions = {}): Promise<NonNullable<T>> {
  const { timeoutMs = 5_000, describe = 'the condition' } = options;
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const answer = await condition();
      if (answer) return answer;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) throw new Error(`Waited ${String(timeoutMs)} ms in vain for ${describe}.`, { cause });
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
}
