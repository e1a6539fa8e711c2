/** MongoDB in tests: a `describe` that knows whether there is one. The server itself is started by `mongodb-server.ts`. */
import { describe, it } from 'vitest';
import { environment } from './environment.js';

export { type MongoServer, startMongoDb } from './mongodb-server.js';

/**
 * A `describe` for tests that need MongoDB. Where it can't be had they are skipped, which `global-setup.ts` has said in one line;
 * with CI=true that is a failure, unless ALLOW_NO_MONGODB=1.
 */
export function describeWithMongoDb(name: string, tests: () => void): void {
  const { mongod } = environment();
  if (mongod.found) {
    describe(name, tests);
  } else if (mongod.required) {
    describe(name, () => {
      it('needs a MongoDB server', () => {
        throw new Error(mongod.reason);
      });
    });
  } else {
    describe.skip(name, tests);
  }
}
