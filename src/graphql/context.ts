/** What resolvers get as their context: what the domains ask for, in one. `http/` makes one per request. */
import type { CacheAdminContext } from '../cache-admin/cache-admin.resolver.js';
import type { DeviceContext } from '../devices/device.loaders.js';

export type GraphQLContext = DeviceContext & CacheAdminContext;
