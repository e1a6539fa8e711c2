/**
 * The one Keyv through which values reach their store, Redis or this process's memory alike. Values are plain JSON under
 * `<prefix><namespace>:<id>`: Keyv's own envelope would cost two thirds of a batch read, and a second round trip whenever a row
 * has expired.
 */
import { Keyv, type KeyvStoreAdapter } from 'keyv';

/** A value that is JSON already, so that who needs its text for something else makes it only once. */
export class Row {
  constructor(readonly text: string) {}
}

/** Takes {@link Row}s and strings, gives what JSON.parse makes of them. @param prefix before every key; empty where the store is this process's own. */
export function createValues(store: KeyvStoreAdapter, prefix: string, onError: (error: unknown) => void): Keyv {
  const values = new Keyv({
    store,
    namespace: prefix,
    useKeyPrefix: false,
    throwOnErrors: true, // otherwise a get that failed looks like a miss, and a set like one that worked
    serialize: ({ value }) => (value instanceof Row ? value.text : JSON.stringify(value)),
    deserialize: (text) => {
      try {
        return { value: JSON.parse(text) as never, expires: undefined };
      } catch {
        return undefined; // not ours, or cut short: a miss
      }
    },
  });
  values.on('error', onError);
  return values;
}
