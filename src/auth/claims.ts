/**
 * From the claims of a verified token to a principal and the time in which the token holds. Called once per verification; knows
 * nothing of signatures or issuers.
 */
import type { JWTPayload } from 'jose';
import { CodedError } from '../errors.js';
import { PERMISSIONS, type Permission, type ServicePrincipal, type UserPrincipal } from './principal.js';

/** How far the clocks of issuer and server may differ. */
export const CLOCK_TOLERANCE_SECONDS = 5;

export interface VerifiedToken {
  readonly principal: UserPrincipal | ServicePrincipal;
  /** From when the token holds, milliseconds since 1970, tolerance included; -Infinity when the token does not say. */
  readonly notBeforeMs: number;
  /** From when it no longer holds, likewise; Infinity when the token does not say. */
  readonly expiresAtMs: number;
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Throws `UNAUTHENTICATED` when the subject is empty or not a string. */
export function toVerifiedToken(payload: JWTPayload, permissionsClaim: string): VerifiedToken {
  const { sub, nbf = -Infinity, exp = Infinity } = payload;
  if (typeof sub !== 'string' || sub === '') {
    throw new CodedError('UNAUTHENTICATED', 'The bearer token is not valid: its claim `sub` must be a string that is not empty.');
  }
  const permissions = Object.freeze(permissionsIn(payload, permissionsClaim));
  return {
    principal: Object.freeze(
      UUID.test(sub) ? { kind: 'USER', id: sub.toLowerCase(), permissions } : { kind: 'SERVICE', id: sub, permissions },
    ),
    notBeforeMs: (nbf - CLOCK_TOLERANCE_SECONDS) * 1_000,
    expiresAtMs: (exp + CLOCK_TOLERANCE_SECONDS) * 1_000,
  };
}

function permissionsIn(payload: JWTPayload, claim: string): Permission[] {
  const value = valueAt(payload, [claim]) ?? valueAt(payload, claim.split('.'));
  const granted = new Set<unknown>(typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : []);
  if (granted.has('cache:admin')) granted.add('cache:read');
  return PERMISSIONS.filter((permission) => granted.has(permission)).sort();
}

/** Own properties only: a claim's name comes from the operator, its objects from the token. */
function valueAt(claims: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined,
    claims,
  );
}
