/** Who asks. Made by `auth/` from a request's credentials, read by domains through `RequestScope.principal()`. */

/** The permissions this server knows; any other in a token is ignored. */
export const PERMISSIONS = ['cache:admin', 'cache:read', 'devices:read'] as const;
export type Permission = (typeof PERMISSIONS)[number];

export interface AnonymousPrincipal {
  readonly kind: 'ANONYMOUS';
}

/** A bearer token whose subject is a UUID: `id` is that UUID in lower case, and the `_id` of the user's document. */
export interface UserPrincipal {
  readonly kind: 'USER';
  readonly id: string;
  /** Sorted, included ones spelt out (`cache:admin` brings `cache:read`). */
  readonly permissions: readonly Permission[];
}

/** A bearer token with any other subject. Owns nothing and can't register. */
export interface ServicePrincipal {
  readonly kind: 'SERVICE';
  readonly id: string;
  readonly permissions: readonly Permission[];
}

/** An API key. Sees its own device, the pair of `deviceId` and `name` held by `owner`, and has no permissions. */
export interface DevicePrincipal {
  readonly kind: 'DEVICE';
  /** The device's common name, `deviceId|name`. */
  readonly id: string;
  readonly owner: string;
  readonly deviceId: string;
  readonly name: string;
  readonly permissions: readonly [];
}

export type Principal = AnonymousPrincipal | UserPrincipal | ServicePrincipal | DevicePrincipal;

export const ANONYMOUS: AnonymousPrincipal = Object.freeze({ kind: 'ANONYMOUS' });

export function hasPermission(principal: Principal, permission: Permission): boolean {
  return principal.kind !== 'ANONYMOUS' && (principal.permissions as readonly Permission[]).includes(permission);
}
