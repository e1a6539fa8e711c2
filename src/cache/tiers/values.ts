/**
 * The one Keyv through which values reach their store, Redis or this process's memory alike. Values are plain JSON under
 * `<prefix><namespace>:<id>`: Keyv's own envelope would cost two thirds of a batch read, and a second round trip whenever a row
 * has expired.
 */
import { Keyv, type KeyvStoreAdapter } from 'keyv';

/** An object as it is stored, with its text, so that its size is known without making the text again. */
export class Row {
  private constructor(
    readonly value: object,
    readonly text: string,
  ) {}

  static of(value: object): Row {
    return new Row(value, JSON.stringify(value));
  }

  static parse(text: string): unknown {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? new Row(value, text) : value;
  }
}

/** Values are {@link Row}s or strings. @param prefix before every key; empty where the store is this process's own. */
export function createValues(store: KeyvStoreAdapter, prefix: string, onError: (error: unknown) => void): Keyv {
  const values = new Keyv({
    store,
    namespace: prefix,
    useKeyPrefix: false,
    throwOnErrors: true, // otherwise a get that failed looks like a miss, and a set like one that worked
    serialize: ({ value }) => (value instanceof Row ? value.text : JSON.stringify(value)),
    deserialize: (text) => {
      try {
        return { value: Row.parse(text) as never, expires: undefined };
      } catch {
        return undefined; // not ours, or cut short: a miss
      }
    },
  });
  values.on('error', onError);
  return values;
}
