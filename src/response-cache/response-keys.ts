/**
 * What responses are stored under. Requests that mean the same have one canonical key, however they were written; with it go two keys
 * of the cache, everyone's and the caller's own. A response that asked who is there is only ever under the second.
 */
import { hash } from 'node:crypto';
import type { Principal } from '../auth/principal.js';

export const RESPONSE_NAMESPACE = 'response';

/** One for answers that never asked who is there, and one for the others. Nobody is a caller too. */
export type ResponseKeys = readonly [everyone: string, caller: string];

/**
 * @param kind of server: what another one answers to the same operation is another response.
 * @param documentHash SHA-256 of the document's text, hex.
 * @param operationName empty for an anonymous operation.
 * @returns undefined for variables that can't be written down: nested too deep, or with a number so large that JSON has none of it.
 */
export function canonicalKey(kind: string, documentHash: string, operationName: string, variables: unknown): string | undefined {
  try {
    return hash('sha256', JSON.stringify([kind, documentHash, operationName, variables ?? {}], sortKeys), 'hex');
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

export function responseKeys(canonical: string, caller: Principal): ResponseKeys {
  const everyone = `${RESPONSE_NAMESPACE}:${canonical}`;
  return [everyone, `${everyone}:${digestOf(caller)}`];
}

const digests = new WeakMap<Principal, string>();

/** Principals that may see the same are one: other permissions make another. */
function digestOf(caller: Principal): string {
  let digest = digests.get(caller);
  if (digest === undefined) {
    const { kind } = caller;
    const parts =
      kind === 'DEVICE'
        ? [caller.owner, caller.deviceId, caller.name]
        : kind === 'ANONYMOUS'
          ? []
          : [caller.id, ...caller.permissions];
    digest = hash('sha256', JSON.stringify([kind, ...parts]), 'base64url');
    digests.set(caller, digest);
  }
  return digest;
}

/** For `JSON.stringify`, which calls it for every value on the way down. */
function sortKeys(_key: string, value: unknown): unknown {
  // JSON.stringify would write null, which means something else.
  if (value === Infinity || value === -Infinity) throw new RangeError('A variable is too large a number.');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
