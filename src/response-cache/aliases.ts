/**
 * What this pod knows requests by before anybody has read them: the bytes of a body, or a query string, and the headers that Apollo Server
 * looks at. A request gets an alias only after Apollo Server has accepted one just like it, so what it refuses never has one.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { LRUCache } from 'lru-cache';

/** Some 15 MB in all. */
const MAX_ALIASES = 20_000;
const MAX_NAME_BYTES = 512;
const MAX_VARIANTS = 500;
/** Of long requests that were repeated; each, and in all. */
const MAX_REPEATED_BYTES = 65_536;
const MAX_ALL_REPEATED_BYTES = 2 ** 21;

/** What is known of a request that was answered before. */
export interface Alias {
  readonly canonical: string;
  /** Of the answer, as Apollo Server chose it by `accept`. */
  readonly contentType: string;
  readonly operationName: string | undefined;
}

/** What decides beside the bytes whether Apollo Server takes a request, and which content type it answers. */
export interface RequestVariant {
  readonly method: 'GET' | 'POST';
  readonly accept: string | undefined;
  readonly contentType: string | undefined;
  /** Whether it has a header that no web page can send without being allowed to. */
  readonly isPreflighted: boolean;
}

/** A long request that was made before, with its SHA-256. */
interface Repeated {
  readonly bytes: Uint8Array | string;
  readonly digest: string;
}

export class Aliases {
  readonly #aliases = new LRUCache<string, Alias>({ max: MAX_ALIASES });
  /** By their CRC-32: to compute that, and to compare the bytes, takes a third of the time of SHA-256. */
  readonly #repeated = new LRUCache<number, Repeated>({
    maxSize: MAX_ALL_REPEATED_BYTES,
    maxEntrySize: MAX_REPEATED_BYTES,
    sizeCalculation: ({ bytes }) => bytes.length,
  });
  readonly #variants = new Map<string, number>();
  /** Never given twice: requests under way may still learn by a number of before. */
  #nextVariant = 0;
  #last: { readonly variant: RequestVariant; readonly number: number } | undefined;

  /**
   * The name of a request, and what is known by it. Its name is its bytes where they are few; long ones V8 doesn't hash, and a Map of them
   * would compare them one by one.
   */
  find(variant: RequestVariant, bytes: Buffer | string): { readonly name: string; readonly alias: Alias | undefined } {
    const number = String(this.#numberOf(variant));
    if (bytes.length <= MAX_NAME_BYTES) {
      const name = `${number}=${typeof bytes === 'string' ? bytes : bytes.toString('latin1')}`;
      return { name, alias: this.#aliases.get(name) };
    }
    const checksum = crc32(bytes);
    const repeated = this.#repeated.get(checksum);
    const isRepeated = repeated !== undefined && isEqual(bytes, repeated.bytes);
    const digest = isRepeated ? repeated.digest : hash('sha256', bytes, 'base64');
    const name = `${number}#${digest}`;
    const alias = this.#aliases.get(name);
    if (alias !== undefined && !isRepeated) {
      this.#repeated.set(checksum, { bytes: typeof bytes === 'string' ? bytes : new Uint8Array(bytes), digest });
    }
    return { name, alias };
  }

  #numberOf(variant: RequestVariant): number {
    if (this.#last !== undefined && isSame(this.#last.variant, variant)) return this.#last.number;
    const { method, accept, contentType, isPreflighted } = variant;
    const text = `${method}\n${accept ?? ''}\n${contentType ?? ''}\n${String(isPreflighted)}`;
    let number = this.#variants.get(text);
    if (number === undefined) {
      // So many only if somebody makes them up; then everybody's requests are learnt anew.
      if (this.#variants.size >= MAX_VARIANTS) {
        this.#variants.clear();
        this.#aliases.clear();
      }
      number = this.#nextVariant++;
      this.#variants.set(text, number);
    }
    this.#last = { variant, number };
    return number;
  }

  learn(name: string, alias: Alias): void {
    this.#aliases.set(name, alias);
  }
}

function isEqual(bytes: Buffer | string, others: Uint8Array | string): boolean {
  return typeof bytes === 'string' || typeof others === 'string' ? bytes === others : bytes.equals(others);
}

function isSame(a: RequestVariant, b: RequestVariant): boolean {
  return a.accept === b.accept && a.contentType === b.contentType && a.method === b.method && a.isPreflighted === b.isPreflighted;
}
