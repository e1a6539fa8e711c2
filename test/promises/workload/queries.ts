/** The GraphQL operations of the workload. */

const DEVICE_FIELDS = 'id description visibility deviceIds';
const INVALIDATION = 'invalidation { id status pods { live acknowledged expired } }';
const PURGE_FIELDS = 'id status pods { live acknowledged expired }';

export const DEVICE = `query ($id: ID!) { device(id: $id) { ${DEVICE_FIELDS} } }`;
export const DEVICES = `query ($ids: [ID!]!) { devices(ids: $ids) { ${DEVICE_FIELDS} } }`;
export const LISTING = `query ($search: String!) { deviceListing(search: $search, first: 500) { edges { node { ${DEVICE_FIELDS} } } } }`;
export const OWN = `{ viewer { devices(first: 500) { edges { node { ${DEVICE_FIELDS} } } } } }`;
export const WHO = '{ viewer { id } }';

export const REGISTER = `mutation ($input: RegisterDeviceInput!) {
  registerDevice(input: $input) { apiKey ${INVALIDATION} }
}`;
export const UPDATE = `mutation ($id: ID!, $input: UpdateDeviceInput!) {
  updateDevice(id: $id, input: $input) { ${INVALIDATION} }
}`;
export const REMOVE = `mutation ($id: ID!) { removeDevice(id: $id) { ${INVALIDATION} } }`;

export const INVALIDATE_DEVICES = `mutation ($ids: [ID!]!) { purge: invalidateDevices(ids: $ids) { ${PURGE_FIELDS} } }`;
export const INVALIDATE_CACHE = `mutation ($pattern: String!) { purge: invalidateCache(pattern: $pattern) { ${PURGE_FIELDS} } }`;
export const CLEAR = `mutation { purge: clearCache { ${PURGE_FIELDS} } }`;

export const FOLLOW_UP = 'query ($id: ID!) { cacheInvalidation(id: $id) { status } }';
export const STATUS = '{ cacheStats { status } }';
