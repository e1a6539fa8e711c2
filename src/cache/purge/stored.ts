/** What stands under one key, whole, for those who want to know why it is or is not served. Judged by nobody here. */
import { unpackBody } from '../body.js';
import { decodeEntry, type Entry } from '../entry.js';

export interface Stored {
  /** Of the stored value. */
  readonly bytes: number;
  /** An entry, or the text of what is none, as a persisted query's; undefined for what can't be read. */
  readonly value: Entry | string | undefined;
}

/** @param packed what Redis has: JSON, or a whole response. */
export function toStored(packed: Buffer): Stored {
  return { bytes: packed.length, value: unpackBody(packed) ?? readJson(packed.toString()) };
}

export function readJson(text: string): Entry | string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : decodeEntry(value);
  } catch {
    return undefined; // not ours, or cut short
  }
}
