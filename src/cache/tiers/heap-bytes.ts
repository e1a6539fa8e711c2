/**
 * What a value takes of this process's memory: V8's own sizes on 64 bits, since JSON's length tells half of it where strings are many
 * and short, or beyond Latin-1. Knows only what JSON has. Called by both stores that are bounded by bytes.
 */

const WORD_BYTES = 8;
const STRING_HEADER_BYTES = 16;
const OBJECT_HEADER_BYTES = 24;
/** The array and the store of its elements. */
const ARRAY_HEADER_BYTES = 48;
/** Numbers that are no small integers are objects of their own. */
const BOXED_NUMBER_BYTES = 16;
/** One such character, and the whole string takes two bytes each. */
const BEYOND_LATIN1 = /[^\0-\xff]/;

export function stringBytes(text: string): number {
  const characterBytes = text.length * (BEYOND_LATIN1.test(text) ? 2 : 1);
  return STRING_HEADER_BYTES + Math.ceil(characterBytes / WORD_BYTES) * WORD_BYTES;
}

/** Of a value that JSON.parse has made; the word that refers to it is its holder's. */
export function valueBytes(value: unknown): number {
  if (typeof value === 'string') return stringBytes(value);
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < 2 ** 30 ? 0 : BOXED_NUMBER_BYTES;
  if (typeof value !== 'object' || value === null) return 0;
  const parts: unknown[] = Array.isArray(value) ? value : Object.values(value);
  let bytes = (Array.isArray(value) ? ARRAY_HEADER_BYTES : OBJECT_HEADER_BYTES) + parts.length * WORD_BYTES;
  for (const part of parts) bytes += valueBytes(part);
  return bytes;
}
