/**
 * ioredis with two mistakes of its version 6.0.0 mended, each of which ends the process. An answer that it did not expect where it
 * stands, such as a null that nobody asked for, makes it throw where nobody can catch it: mended, it gives such a connection up and makes
 * another, as it does when it can't read an answer. And it selects the database of a new connection by a promise that nobody holds:
 * mended, its failure is the connection's alone. Imported only where there is a Redis, by `connections.ts`; a newer ioredis that
 * passes `test/cache/connections.test.ts` needs none of this.
 */
import { createRequire } from 'node:module';
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

type SelectMethod = (this: unknown, ...args: unknown[]) => Promise<unknown>;
const prototype = Redis.prototype as unknown as Record<'select', SelectMethod>;
const { select: original } = prototype;

prototype.select = function (...args) {
  const selected = original.apply(this, args);
  selected.catch(() => undefined);
  return selected;
};

export { Cluster, Redis } from 'ioredis';
