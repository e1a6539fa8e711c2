/**
 * What a CDN may purge answers by: for each name that an answer depends on a digest, which only those can make who have the secret. So
 * the header tells nobody what else an answer was made from. Used by `attempt.ts` and, for answers that are not stored, by `http/`.
 */
import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Purges every answer. */
const EVERYTHING = '*';
/** 72 bits of HMAC-SHA-256, base64url. Two names that share them are purged together, and that is all. */
const DIGEST_CHARACTERS = 12;
/** CDNs cut longer headers off, or refuse the answer. */
const MAX_HEADER_BYTES = 4_096;
/** Some 4 MB. */
const MAX_DIGESTS = 20_000;

export class SurrogateKeys {
  readonly #secret: string;
  readonly #digests = new LRUCache<string, string>({ max: MAX_DIGESTS });

  /** @param secret `SURROGATE_KEYS` */
  constructor(secret: string) {
    this.#secret = secret;
  }

  /** The digest of one cache key or tag, or of `*`. */
  digestOf(name: string): string {
    let digest = this.#digests.get(name);
    if (digest === undefined) {
      digest = createHmac('sha256', this.#secret).update(name).digest('base64url').slice(0, DIGEST_CHARACTERS);
      this.#digests.set(name, digest);
    }
    return digest;
  }

  /** The value of `surrogate-key`, empty where there are too many names: such an answer must not be kept by a CDN. */
  of(names: Iterable<string>): string {
    // Sorted, because the order in which things were found is not for others to know.
    const digests = [...new Set([EVERYTHING, ...names])].map((name) => this.digestOf(name)).sort();
    const header = digests.join(' ');
    return header.length > MAX_HEADER_BYTES ? '' : header;
  }
}
