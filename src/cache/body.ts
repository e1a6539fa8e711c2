/**
 * Values that are bytes, such as whole responses. In Redis such an entry is one line of JSON, the entry without its value, and behind
 * it the bytes as they are: what is handed on as it is must not be decoded and encoded again on the way.
 */
import { isAscii } from 'node:buffer';
import { decodeEntry, type Entry } from './entry.js';
import { stringBytes } from './tiers/heap-bytes.js';

/** Raised when the shape of such an entry changes; one of another version is a miss. */
export const BODY_VERSION = 1;

export interface Body {
  /** Whatever its owner wants to know of the content; printable ASCII only. */
  readonly meta: Readonly<Record<string, string>>;
  /** A text where that is ASCII and short: node sends it in one write with the head. */
  readonly content: Buffer | string;
}

const MAX_TEXT_BYTES = 4_096;

export function toBody(meta: Body['meta'], bytes: Buffer): Body {
  const isText = bytes.length <= MAX_TEXT_BYTES && isAscii(bytes);
  return { meta, content: isText ? bytes.toString('latin1') : ownBytes(bytes) };
}

/** A copy in memory of its own, so that it doesn't keep a larger buffer alive that it is a part of. */
function ownBytes(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

export type BodyEntry = Entry<Body> & { readonly x: Body };

const NEWLINE = 0x0a;

export function packBody({ x: { meta, content }, ...entry }: BodyEntry): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  return Buffer.concat([Buffer.from(`${JSON.stringify({ ...entry, m: meta, n: bytes.length })}\n`), bytes]);
}

/** Undefined for what isn't such an entry, or was cut short. */
export function unpackBody(packed: Buffer): BodyEntry | undefined {
  const end = packed.indexOf(NEWLINE);
  if (end === -1) return undefined;
  try {
    const { m: meta, n: length, ...head } = JSON.parse(packed.toString('utf8', 0, end)) as { m?: unknown; n?: unknown };
    if (!isMeta(meta) || length !== packed.length - end - 1) return undefined;
    const entry = decodeEntry({ ...head, x: toBody(meta, packed.subarray(end + 1)) }) as BodyEntry | undefined;
    return entry?.v === BODY_VERSION ? entry : undefined;
  } catch {
    return undefined; // not JSON: not ours
  }
}

/** What such an entry takes of this process's memory, beside key and overhead. */
export function sizeOfBody({ d, x }: BodyEntry): number {
  return d.reduce((sum, dep) => sum + stringBytes(dep) + 8, x.content.length + HEAD_BYTES);
}

/** The objects, and what a Buffer is beside its bytes. */
const HEAD_BYTES = 500;

function isMeta(value: unknown): value is Body['meta'] {
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).every((text) => typeof text === 'string' && /^[\x20-\x7e]*$/.test(text));
}
