/**
 * Values that are bytes, such as whole responses. In Redis such an entry is one line of JSON, the entry without its value and what it
 * depends on; a second line of JSON with that, which is long and seldom looked at; and behind it the bytes as they are: what is
 * handed on as it is must not be decoded and encoded again on the way.
 */
import { isAscii } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { Entry } from './entry.js';
import { valueBytes } from './tiers/heap-bytes.js';

/** Raised when the shape of such an entry changes; one of another version is a miss. */
export const BODY_VERSION = 3;

export interface Body {
  /** Whatever its owner wants to know of the content; printable ASCII only. */
  readonly meta: Readonly<Record<string, string>>;
  /** A text where that is ASCII and short: node sends it in one write with the head. */
  readonly content: Buffer | string;
}

export interface BodyEntry extends Entry<Body> {
  readonly x: Body;
  readonly w: number;
  /** Its own key, the first of what it depends on. */
  readonly k: string;
  /** What the list of that takes of this process's memory. */
  readonly z: number;
}

const MAX_TEXT_BYTES = 4_096;
const NEWLINE = 0x0a;

/** @param deps its own key first. */
export function bodyEntry(
  { meta, bytes }: { readonly meta: Body['meta']; readonly bytes: Buffer },
  deps: readonly [key: string, ...tags: string[]],
  { s, t, e, f, w }: Pick<BodyEntry, 'e' | 's' | 't' | 'f' | 'w'>,
): BodyEntry {
  return {
    v: BODY_VERSION,
    e,
    s,
    t,
    f,
    w,
    d: deps,
    x: { meta, content: textOf(bytes) ?? ownBytes(bytes) },
    k: deps[0],
    z: valueBytes(deps),
  };
}

/** Undefined for what stays bytes. */
function textOf(bytes: Buffer): string | undefined {
  return bytes.length <= MAX_TEXT_BYTES && isAscii(bytes) ? bytes.toString('latin1') : undefined;
}

/** In memory of their own, lest they keep a larger buffer alive that they are a part of. */
function ownBytes(bytes: Buffer): Buffer {
  if (bytes.length === bytes.buffer.byteLength) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** The first line. */
interface Head extends Pick<BodyEntry, 'v' | 'e' | 's' | 't' | 'f' | 'w' | 'k' | 'z'> {
  readonly m: Body['meta'];
  /** Bytes of the second line. */
  readonly dn: number;
  /** CRC-32 of it, in place of a look at it. */
  readonly dc: number;
  /** Bytes behind it. */
  readonly n: number;
}

export function packBody({ v, e, s, t, f, w, k, z, d, x: { meta, content } }: BodyEntry): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  const deps = Buffer.from(JSON.stringify(d));
  const head: Head = { v, e, s, t, f, w, k, z, m: meta, dn: deps.length, dc: crc32(deps), n: bytes.length };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), deps, Buffer.from('\n'), bytes]);
}

/** Undefined for what isn't such an entry, or was cut short. */
export function unpackBody(packed: Buffer): BodyEntry | undefined {
  const end = packed.indexOf(NEWLINE);
  const head = end === -1 ? undefined : parseHead(packed.toString('utf8', 0, end));
  if (head === undefined) return undefined;
  const depsEnd = end + 1 + head.dn;
  if (packed.length !== depsEnd + 1 + head.n || packed[depsEnd] !== NEWLINE) return undefined;
  if (crc32(packed.subarray(end + 1, depsEnd)) !== head.dc) return undefined;
  const text = textOf(packed.subarray(depsEnd + 1));
  // Both are kept: one piece of memory for both, where there is none for the text.
  const own = ownBytes(text === undefined ? packed : packed.subarray(0, depsEnd));
  return new UnpackedBody(head, own.subarray(end + 1, depsEnd), text ?? own.subarray(depsEnd + 1));
}

function parseHead(line: string): Head | undefined {
  try {
    const head = JSON.parse(line) as Partial<Head> | null;
    if (typeof head !== 'object' || head === null) return undefined;
    const { v, e, s, t, f, w, k, z, m, dn, dc, n } = head;
    const numbers = [s, t, f, w, z, dn, dc, n].every(Number.isFinite);
    return v === BODY_VERSION && numbers && typeof e === 'string' && typeof k === 'string' && isMeta(m)
      ? (head as Head)
      : undefined;
  } catch {
    return undefined; // not JSON: not ours
  }
}

/** One that was read. What it depends on is needed only once something was invalidated since, so it is parsed only then. */
class UnpackedBody implements BodyEntry {
  readonly v: number;
  readonly e: string;
  readonly s: number;
  readonly t: number;
  readonly f: number;
  readonly w: number;
  readonly k: string;
  readonly z: number;
  readonly x: Body;
  #deps: Buffer | readonly string[];

  constructor({ v, e, s, t, f, w, k, z, m }: Head, deps: Buffer, content: Body['content']) {
    this.v = v;
    this.e = e;
    this.s = s;
    this.t = t;
    this.f = f;
    this.w = w;
    this.k = k;
    this.z = z + deps.length; // once they are parsed, it is both
    this.x = { meta: m, content };
    this.#deps = deps;
  }

  get d(): readonly string[] {
    if (Buffer.isBuffer(this.#deps)) this.#deps = parseDeps(this.#deps.toString()) ?? [this.k];
    return this.#deps;
  }
}

/** Undefined for what nobody has written but one who made the checksum fit, and could as well have written something that parses. */
function parseDeps(line: string): readonly string[] | undefined {
  try {
    const deps: unknown = JSON.parse(line);
    return Array.isArray(deps) && deps.every((dep) => typeof dep === 'string') ? deps : undefined;
  } catch {
    return undefined;
  }
}

/** What such an entry takes of this process's memory, beside key and overhead. */
export function sizeOfBody({ z, x }: BodyEntry): number {
  const metaBytes = Object.values(x.meta).reduce((sum, text) => sum + text.length, 0);
  return z + metaBytes + x.content.length + HEAD_BYTES;
}

/** The objects, and what a Buffer is beside its bytes. */
const HEAD_BYTES = 600;

function isMeta(value: unknown): value is Body['meta'] {
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).every((text) => typeof text === 'string' && /^[\x20-\x7e]*$/.test(text));
}
