/** A wait that ends in time whatever the other side does: a paused Redis keeps its connections open and answers nothing. */

export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';

  constructor(deadlineMs: number) {
    super(`no answer within ${deadlineMs} ms`);
  }
}

/**
 * Settles as `work` does, or rejects with {@link DeadlineError} after `deadlineMs`. What comes later is ignored, failures included.
 * A process that was busy itself has timers to run before it reads its sockets, so what lies there already gets one turn: else a
 * pod under load would take its own slowness for Redis's.
 */
export function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      setImmediate(() => {
        reject(new DeadlineError(deadlineMs));
      });
    }, deadlineMs);
    const settled = (): void => {
      clearTimeout(timer);
      resolve(work);
    };
    work.then(settled, settled);
  });
}
