/**
 * ioredis with one mistake of its version 6.0.0 mended: an answer that it did not expect where it stands, such as a null that nobody
 * asked for, makes it throw where nobody can catch it, and the process ends. Mended, it gives such a connection up and makes another,
 * as it does when it can't read an answer. Imported only where there is a Redis, by `connections.ts`; a newer ioredis that passes
 * `test/cache/connections.test.ts` needs none of this.
 */
import { createRequire } from 'node:module';

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

export { Cluster, Redis } from 'ioredis';
