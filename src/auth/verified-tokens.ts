/**
 * Remembers who a verified bearer token speaks for, so that its signature is checked once in ten minutes and not at each request.
 * In this process's memory only and by the token's digest only: who can write to Redis must not become an admin, and a dump of
 * this memory holds no token. Used by the authenticator.
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { VerifiedToken } from './claims.js';
import type { Principal } from './principal.js';

const MAX_TOKENS = 10_000;
const MAX_AGE_MS = 600_000;

export class VerifiedTokens {
  readonly #verify: (token: string) => Promise<VerifiedToken>;
  readonly #now: () => number;
  readonly #remembered = new LRUCache<string, VerifiedToken>({ max: MAX_TOKENS });
  readonly #pending = new Map<string, Promise<VerifiedToken>>();

  /** @param now milliseconds since 1970. */
  constructor(verify: (token: string) => Promise<VerifiedToken>, now: () => number) {
    this.#verify = verify;
    this.#now = now;
  }

  /** Rejects with what `verify` rejects with, which is never remembered. Several calls at once for one token share a verification. */
  async principalOf(token: string): Promise<Principal> {
    const digest = hash('sha256', token, 'base64url');
    const remembered = this.#remembered.get(digest);
    if (remembered !== undefined) {
      if (this.#now() >= remembered.notBeforeMs && this.#now() < remembered.expiresAtMs) return remembered.principal;
      this.#remembered.delete(digest);
    }
    let pending = this.#pending.get(digest);
    if (pending === undefined) {
      pending = this.#verifyAndRemember(token, digest).finally(() => this.#pending.delete(digest));
      this.#pending.set(digest, pending);
    }
    return (await pending).principal;
  }

  async #verifyAndRemember(token: string, digest: string): Promise<VerifiedToken> {
    const verified = await this.#verify(token);
    const expiresAtMs = Math.min(verified.expiresAtMs, this.#now() + MAX_AGE_MS);
    this.#remembered.set(digest, { ...verified, expiresAtMs });
    return verified;
  }
}
