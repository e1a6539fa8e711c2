/**
 * ioredis with its writes gathered, and with two mistakes of its version 6.0.0 mended, each of which ends the process. An answer that it did not expect where it
 * stands, such as a null that nobody asked for, makes it throw where nobody can catch it: mended, it gives such a connection up and makes
 * another, as it does when it can't read an answer. And it selects the database of a new connection by a promise that nobody holds:
 * mended, its failure is the connection's alone. A newer ioredis that passes `test/cache/connections.test.ts` needs neither. Imported
 * only where there is a Redis, by `connections.ts`.
 */
import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';
import { Redis } from 'ioredis';

interface DataHandler {
  /** Hands an answer on to whoever asked. */
  dispatch(handOn: () => void): void;
  returnFatalError(error: unknown): void;
}

/** `createRequire`, because it gives the module that ioredis itself has, whatever loads this one. */
const dataHandler = createRequire(import.meta.url)('ioredis/built/DataHandler.js') as {
  readonly default: { readonly prototype: DataHandler };
};

dataHandler.default.prototype.dispatch = function (handOn) {
  try {
    handOn();
  } catch (error) {
    this.returnFatalError(error);
  }
};

type Method = (this: { readonly stream?: Writable }, ...args: unknown[]) => Promise<unknown>;
const prototype = Redis.prototype as unknown as Record<'select' | 'sendCommand', Method>;
const { select, sendCommand } = prototype;

prototype.select = function (...args) {
  const selected = select.apply(this, args);
  selected.catch(() => undefined);
  return selected;
};

/** One write for all commands of one turn of the event loop: by itself ioredis makes a system call for each. */
prototype.sendCommand = function (...args) {
  const { stream } = this;
  if (stream !== undefined && stream.writableCorked === 0) {
    stream.cork();
    setImmediate(() => {
      stream.uncork();
    });
  }
  return sendCommand.apply(this, args);
};

export { Cluster, Redis } from 'ioredis';
