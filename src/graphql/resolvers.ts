/** The resolver classes of all domains: the schema is what they say, and a new domain is added here. */
import { CacheAdminResolver } from '../cache-admin/cache-admin.resolver.js';
import { DeviceResolver, ViewerResolver } from '../devices/device.resolver.js';

export const RESOLVER_CLASSES = [DeviceResolver, ViewerResolver, CacheAdminResolver] as const;
