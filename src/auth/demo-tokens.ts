/**
 * Signs the three bearer tokens that a server with nothing but demo data prints at its start. Called by `main.ts` only when the
 * configuration says `demo`, whose secret was made in this process and is gone with it.
 */
import { SignJWT } from 'jose';
import type { AuthConfig } from '../config.js';
import type { Permission } from './principal.js';

/** A user who owns no device. */
const ADMIN_ID = '0ad00000-0000-4000-8000-000000000000';

export interface DemoTokens {
  /** A user without devices, with `cache:admin` and `devices:read`. */
  readonly admin: string;
  /** The user whose UUID was given: the owner of devices, without permissions. */
  readonly grower: string;
  /** A service with `devices:read`. */
  readonly service: string;
}

/** The tokens are good for 12 hours. */
export async function signDemoTokens(auth: Extract<AuthConfig, { kind: 'demo' }>, growerId: string): Promise<DemoTokens> {
  const secret = new TextEncoder().encode(auth.secret);
  const sign = (subject: string, permissions: readonly Permission[]) =>
    new SignJWT({ [auth.permissionsClaim]: permissions })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(subject)
      .setIssuedAt()
      .setExpirationTime('12h')
      .sign(secret);
  const [admin, grower, service] = await Promise.all([
    sign(ADMIN_ID, ['cache:admin', 'devices:read']),
    sign(growerId, []),
    sign('demo-service', ['devices:read']),
  ]);
  return { admin, grower, service };
}
