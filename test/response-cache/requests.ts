/**
 * Every kind of request that the server answers or refuses, about one device each. Many of them mean the same and are written in
 * another way, or are written alike and mean something else: that is what a cache might mistake. Called by `equality.test.ts`.
 */
import { createHash } from 'node:crypto';
import { get, post, type Request } from './exchange.js';

const FIELDS = 'id deviceId name description visibility deviceIds';
const BY_VARIABLE = `query ($id: ID!, $first: Int) { device(id: $id) { ${FIELDS} } }`;
const LISTING = `query ($search: String, $first: Int = 2, $after: String) {
  deviceListing(search: $search, first: $first, after: $after) { edges { cursor node { ${FIELDS} } } pageInfo { hasNextPage endCursor } }
}`;
const TWO_OPERATIONS = `query One($id: ID!) { device(id: $id) { id } } query Two($id: ID!) { device(id: $id) { name } }
  query Me { viewer { id } } mutation Change($id: ID!) { updateDevice(id: $id, input: {}) { device { id } } }`;
const BY_FRAGMENT = `query ($id: ID!) { a: device(id: $id) { ...F } b: device(id: $id) { ...F name } } fragment F on Device { ${FIELDS} }`;
const OTHER_ACCEPT = { accept: 'application/graphql-response+json' };

const inline = (id: string) => `{ device(id: ${JSON.stringify(id)}) { ${FIELDS} } }`;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const persisted = (text: string, version = 1) => ({ persistedQuery: { version, sha256Hash: sha256(text) } });

type Make = (id: string) => Request;

/** By name. Each is made for a device id, whether it needs one or not. */
export const REQUESTS: Readonly<Record<string, Make>> = {
  // one device
  'a device': (id) => post({ query: inline(id) }),
  'a device, other accept': (id) => post({ query: inline(id) }, OTHER_ACCEPT),
  'a device by variable': (id) => post({ query: BY_VARIABLE, variables: { id } }),
  'variables in another order': (id) => post({ variables: { first: 1, id }, query: BY_VARIABLE }),
  'variables in this order': (id) => post({ query: BY_VARIABLE, variables: { id, first: 1 } }),
  'a device by GET': (id) => get({ query: inline(id) }),
  'a device by GET, other accept': (id) => get({ query: inline(id) }, OTHER_ACCEPT),
  'a device by GET with variables': (id) => get({ query: BY_VARIABLE, variables: JSON.stringify({ id }) }),
  'a device by GET, with a content type': (id) => ({
    ...get({ query: inline(id) }),
    headers: { 'content-type': 'application/json' },
  }),
  'a device that the client has': (id) => get({ query: inline(id) }, { 'if-none-match': '*' }),
  'a device that the client has not': (id) => get({ query: inline(id) }, { 'if-none-match': '"no"' }),
  'a device by HEAD': (id) => ({ ...get({ query: inline(id) }), method: 'HEAD' }),
  'a device, for a page': (id) => post({ query: inline(id) }, { origin: 'https://studio.apollographql.com' }),
  'a device, for a page elsewhere': (id) => post({ query: inline(id) }, { origin: 'https://elsewhere.example' }),
  'a device without the cache': (id) => post({ query: inline(id) }, { 'cache-control': 'no-cache' }),
  'a device not to be stored': (id) => post({ query: inline(id) }, { 'cache-control': 'no-store' }),
  'a device by fragments and aliases': (id) => post({ query: BY_FRAGMENT, variables: { id } }),
  'a device or not': (id) =>
    post({
      query: 'query ($id: ID!, $no: Boolean!) { device(id: $id) @skip(if: $no) { id } }',
      variables: { id, no: id === '' },
    }),
  // many
  devices: (id) =>
    post({ query: 'query ($ids: [ID!]!) { devices(ids: $ids) { id name } }', variables: { ids: ['pub', id, 'no'] } }),
  'a listing': (id) => post({ query: LISTING, variables: { search: id } }),
  'a listing of all': () => post({ query: LISTING, variables: { search: null } }),
  'a listing of what is no text': () => post(`{"query":${JSON.stringify(LISTING)},"variables":{"search":1e999}}`),
  'a listing behind nothing': (id) => post({ query: LISTING, variables: { search: id, after: 'nonsense' } }),
  'a page of none': () => post({ query: LISTING, variables: { first: 0 } }),
  // who asks
  'the viewer': () => post({ query: '{ viewer { id kind permissions devices(first: 2) { edges { node { id } } } } }' }),
  'the viewer by GET': () => get({ query: '{ viewer { id } }' }),
  'cache administration': () => post({ query: '{ cacheInvalidation(id: "nobody") { status } }' }),
  // operation names
  'one of several': (id) => post({ query: TWO_OPERATIONS, operationName: 'One', variables: { id } }),
  'another of several': (id) => post({ query: TWO_OPERATIONS, operationName: 'Two', variables: { id } }),
  'the viewer of several': (id) => post({ query: TWO_OPERATIONS, operationName: 'Me', variables: { id } }),
  'none of several': (id) => post({ query: TWO_OPERATIONS, variables: { id } }),
  'an unknown one': (id) => post({ query: TWO_OPERATIONS, operationName: 'Three', variables: { id } }),
  // persisted queries
  'a persisted query': (id) => post({ query: inline(id), extensions: persisted(inline(id)) }),
  'a persisted query by GET': (id) => get({ query: inline(id), extensions: JSON.stringify(persisted(inline(id))) }),
  'a wrong hash': (id) => post({ query: inline(id), extensions: persisted('another') }),
  'an unknown hash': () => post({ extensions: persisted('never sent') }),
  'an unknown version': (id) => post({ query: inline(id), extensions: persisted(inline(id), 2) }),
  'another extension': (id) => post({ query: inline(id), extensions: { trace: true } }),
  // the schema
  introspection: () => post({ query: '{ __schema { queryType { name } } }' }),
  'a type name': () => get({ query: '{ __typename }' }),
  // refused by Apollo Server
  'from another site, by GET': (id) => ({ ...get({ query: inline(id) }), headers: {} }),
  'from another site, empty header': (id) => get({ query: inline(id) }, { 'apollo-require-preflight': '' }),
  'from another site, as text': (id) => post({ query: inline(id) }, { 'content-type': 'text/plain' }),
  'as a form': (id) => post({ query: inline(id) }, { 'content-type': 'application/x-www-form-urlencoded' }),
  'for an image': (id) => post({ query: inline(id) }, { accept: 'image/png' }),
  'for an image, by GET': (id) => get({ query: inline(id) }, { accept: 'image/png' }),
  'a mutation by GET': (id) =>
    get({ query: `mutation { updateDevice(id: ${JSON.stringify(id)}, input: {}) { device { id } } }` }),
  'a mutation of several by GET': (id) =>
    get({ query: TWO_OPERATIONS, operationName: 'Change', variables: JSON.stringify({ id }) }),
  'an unknown field': () => post({ query: '{ nowhere }' }),
  'no GraphQL': (id) => post({ query: `{ device(id: ${id}` }),
  'no query': () => post({}),
  'a missing variable': () => post({ query: BY_VARIABLE }),
  'a variable of another type': () => post({ query: BY_VARIABLE, variables: { id: {} } }),
  'variables that are a text': (id) => post({ query: BY_VARIABLE, variables: id }),
  'a batch': (id) => post([{ query: inline(id) }] as object),
  // limits
  'too many aliases': (id) =>
    post({ query: `{ ${Array.from({ length: 31 }, (_, i) => `a${i}: device(id: ${JSON.stringify(id)}) { id }`).join(' ')} }` }),
  'too many tokens': () => post({ query: `{ ${'__typename '.repeat(5_001)} }` }),
  'too many ids': () =>
    post({ query: 'query ($ids: [ID!]!) { devices(ids: $ids) { id } }', variables: { ids: Array(1_001).fill('a') } }),
  'too large a page': () => post({ query: LISTING, variables: { first: 501 } }),
  // bodies
  'malformed JSON': (id) => post(`{"query":${JSON.stringify(inline(id))}`),
  'an empty body': () => post(''),
  'a label of UTF-16': (id) => post({ query: inline(id) }, { 'content-type': 'application/json; charset=utf-16' }),
  'what is no UTF-8': () => ({ ...post(''), body: Buffer.from('{"query":"{ device(id: \\"\xff\\") { id } }"}', 'latin1') }),
  'a body by GET': (id) => ({ ...get({ query: inline(id) }, { 'content-length': '12' }), body: 'what is this' }),
  'an encoded body': (id) => post({ query: inline(id) }, { 'content-encoding': 'gzip' }),
};
