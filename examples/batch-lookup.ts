/**
 * A service that looks up to 1,000 devices up in one request, with typed documents and nothing but fetch.
 *
 *     npx tsx examples/batch-lookup.ts [--url http://localhost:4000/graphql] [--token <bearer token>] [id …]
 *
 * OPENSENSOR_URL and OPENSENSOR_TOKEN say the same. Without ids it asks for the first 1,000 that the caller may see.
 */
import { parseArgs } from 'node:util';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { DeviceListingDocument, DevicesDocument } from '../schema/operations.js';

const BATCH = 1_000;
const PAGE = 500;
const { OPENSENSOR_URL = 'http://localhost:4000/graphql', OPENSENSOR_TOKEN = '' } = process.env;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { url: { type: 'string', default: OPENSENSOR_URL }, token: { type: 'string', default: OPENSENSOR_TOKEN } },
});

interface Answer<Data> {
  readonly data?: Data;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}

/** The whole client. Variables and result have the types of the document. */
async function ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  const { url, token } = values;
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const body = JSON.stringify({ query: print(document), variables });
  const response = await fetch(url, { method: 'POST', headers, body }).catch((cause: unknown) => {
    throw new Error(`No server answers at ${url}. Start one with \`npm start\`, or say where it is with --url.`, { cause });
  });
  const { data, errors } = (await response.json().catch(() => ({}))) as Answer<Data>;
  if (errors !== undefined) throw new Error(errors.map(({ message, extensions }) => `${extensions.code}: ${message}`).join('\n'));
  if (data === undefined) throw new Error(`What answers at ${url} is not GraphQL (status ${response.status}).`);
  return data;
}

/** The ids of the first devices that the caller may see, page by page. */
async function firstIds(found: readonly string[] = [], after?: string | null): Promise<readonly string[]> {
  const { deviceListing } = await ask(DeviceListingDocument, { first: PAGE, after });
  const ids = [...found, ...(deviceListing?.edges.map(({ node }) => node.id) ?? [])];
  const { hasNextPage = false, endCursor } = deviceListing?.pageInfo ?? {};
  return hasNextPage && ids.length < BATCH ? firstIds(ids, endCursor) : ids.slice(0, BATCH);
}

try {
  const ids = positionals.length > 0 ? positionals : await firstIds();
  const start = performance.now();
  const { devices } = await ask(DevicesDocument, { ids: [...ids] });
  const milliseconds = performance.now() - start;
  for (const [index, device] of devices?.entries() ?? []) {
    const { id, visibility, deviceIds } = device ?? { id: ids[index], visibility: 'unknown, or not to be seen', deviceIds: [] };
    console.log([id, visibility, deviceIds.join(', ')].join('\t'));
  }
  const found = devices?.filter((device) => device !== null).length ?? 0;
  console.log(`\n${found} of ${ids.length} devices found in one request of ${milliseconds.toFixed(0)} ms.`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
