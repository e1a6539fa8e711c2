/**
 * What this pod knows requests by before anybody has read them: the bytes of a body, or a query string, and the headers that Apollo Server
 * looks at. A request gets an alias only after Apollo Server has accepted one just like it, so what it refuses never has one.
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Some 15 MB in all. */
const MAX_ALIASES = 20_000;
const MAX_NAME_BYTES = 512;
const MAX_VARIANTS = 500;

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

export class Aliases {
  readonly #aliases = new LRUCache<string, Alias>({ max: MAX_ALIASES });
  readonly #variants = new Map<string, number>();
  /** Never given twice: requests under way may still learn by a number of before. */
  #nextVariant = 0;
  #last: { readonly variant: RequestVariant; readonly number: number } | undefined;

  /** The name of a request: its bytes where they are few. Long ones V8 doesn't hash, and a Map of them would compare them one by one. */
  nameOf(variant: RequestVariant, bytes: Buffer | string): string {
    const number = String(this.#numberOf(variant));
    if (bytes.length > MAX_NAME_BYTES) return `${number}#${hash('sha256', bytes, 'base64')}`;
    return `${number}=${typeof bytes === 'string' ? bytes : bytes.toString('latin1')}`;
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

  get(name: string): Alias | undefined {
    return this.#aliases.get(name);
  }

  learn(name: string, alias: Alias): void {
    this.#aliases.set(name, alias);
  }
}

function isSame(a: RequestVariant, b: RequestVariant): boolean {
  return a.accept === b.accept && a.contentType === b.contentType && a.method === b.method && a.isPreflighted === b.isPreflighted;
}
