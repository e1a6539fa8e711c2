/** `schema/operations/`: every file is well-formed, valid, what the typed documents were made from, and works on the demo fleet. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { Kind, parse, print, validate, type DocumentNode } from 'graphql';
import { beforeAll, describe, expect, it } from 'vitest';
import { RESOLVER_CLASSES } from '../../src/graphql/resolvers.js';
import { buildServerSchema } from '../../src/graphql/schema.js';
import * as documents from '../../schema/operations.js';
import { startServer, type ServerProcess } from '../harness/server.js';

const FOLDER = new URL('../../schema/operations/', import.meta.url);
const files = readdirSync(FOLDER).map((name) => ({ name, text: readFileSync(new URL(name, FOLDER), 'utf8') }));
const tour = files.find(({ name }) => name === 'tour.graphql')?.text ?? '';

/** `cache-stats.graphql` → `CacheStats` */
const operationOf = (file: string) =>
  file.replace('.graphql', '').replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());

describe.each(files)('$name', ({ name, text }) => {
  const { definitions } = parse(text);
  const names = definitions.map((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION ? definition.name?.value : undefined,
  );

  it('says what it is for', () => {
    expect(text).toMatch(/^# \S/);
  });

  it('names each operation, and holds the one it is named after', () => {
    expect(names).not.toContain(undefined);
    expect(names).toContain(operationOf(name));
    if (name !== 'tour.graphql') expect(names).toHaveLength(1);
  });

  it('is valid', () => {
    expect(validate(buildServerSchema(RESOLVER_CLASSES), parse(text))).toEqual([]);
  });

  it('is what the typed documents were made from; `npm run schema` makes them anew', () => {
    const typed = names.map((operation) => (documents as Record<string, DocumentNode | undefined>)[`${operation ?? ''}Document`]);
    expect(typed.map((document) => document && print(document))).toEqual(definitions.map((definition) => print(definition)));
  });
});

describe('on the demo fleet', () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServer();
  });

  async function run<Data, Variables>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
    who?: 'admin' | 'grower' | 'service',
  ): Promise<Data> {
    const headers: Record<string, string> = who === undefined ? {} : { authorization: `Bearer ${server.demoToken(who)}` };
    const { status, body } = await server.graphql<Data>(document, variables as Record<string, unknown>, headers);
    expect(body.errors).toBeUndefined();
    expect(status).toBe(200);
    return body.data as Data;
  }

  it('looks devices up', async () => {
    const { device } = await run(documents.DeviceDocument, { id: 'cellar-01' });
    expect(device?.name).toBe('North|Shelf 2');
    const { devices } = await run(documents.DevicesDocument, { ids: ['well-01', 'nobody-knows', 'well-01|Well'] });
    expect(devices?.map((each) => each?.id)).toEqual(['well-01|Well', undefined, 'well-01|Well']);
  });

  it('walks a listing', async () => {
    const page = await run(documents.DeviceListingDocument, { search: 'greenhouse', first: 2 });
    const rest = await run(documents.DeviceListingDocument, {
      search: 'greenhouse',
      first: 2,
      after: page.deviceListing?.pageInfo.endCursor,
    });
    const ids = [page, rest].map(({ deviceListing }) => deviceListing?.edges.map(({ node }) => node.id));
    expect(ids).toEqual([['greenhouse-7f3a|Tomatoes', 'greenhouse-8b21|Tomatoes'], ['greenhouse-9c04|Tomatoes']]);
  });

  it('says who asks', async () => {
    expect(await run(documents.ViewerDocument, {})).toEqual({ viewer: null });
    const { viewer } = await run(documents.ViewerDocument, { first: 3 }, 'grower');
    expect(viewer?.kind).toBe('USER');
    expect(viewer?.devices?.edges).toHaveLength(3);
  });

  it('registers, reveals, changes and removes a device', async () => {
    const input = { deviceId: 'greenhouse-new', name: 'Peppers', description: 'New.' };
    const { registerDevice } = await run(documents.RegisterDeviceDocument, { input }, 'grower');
    const id = 'greenhouse-new|Peppers';
    expect(registerDevice?.device).toMatchObject({
      id,
      description: 'New.',
      visibility: 'PUBLIC',
      deviceIds: ['greenhouse-new'],
    });
    const { revealApiKey } = await run(documents.RevealApiKeyDocument, { id }, 'grower');
    expect(revealApiKey?.apiKey).toBe(registerDevice?.apiKey);
    const changed = await run(documents.UpdateDeviceDocument, { id, input: { visibility: 'PRIVATE' } }, 'grower');
    expect(changed.updateDevice).toMatchObject({ device: { visibility: 'PRIVATE' }, invalidation: { status: 'APPLIED' } });
    const { removeDevice } = await run(documents.RemoveDeviceDocument, { id }, 'grower');
    expect(removeDevice?.removedId).toBe(id);
    expect(await run(documents.DeviceDocument, { id }, 'grower')).toEqual({ device: null });
  });

  it('shows and purges the cache', async () => {
    await run(documents.DevicesDocument, { ids: ['sensor-0001', 'sensor-0002'] });
    const { cacheStats } = await run(documents.CacheStatsDocument, {}, 'admin');
    expect(cacheStats?.namespaces.map(({ name }) => name)).toContain('device_meta');
    const { cacheEntries } = await run(documents.CacheEntriesDocument, { pattern: 'device_meta:sensor-000*' }, 'admin');
    expect(cacheEntries?.edges.map(({ node }) => node.key).sort()).toEqual([
      'device_meta:sensor-0001',
      'device_meta:sensor-0002',
    ]);

    const pattern = 'device_meta:sensor-0001';
    const dry = await run(documents.InvalidateCacheDocument, { pattern, dryRun: true }, 'admin');
    expect(dry.invalidateCache).toMatchObject({ status: 'DRY_RUN', pattern, matched: 1 });
    const { invalidateCache } = await run(documents.InvalidateCacheDocument, { pattern }, 'admin');
    expect(invalidateCache).toMatchObject({ status: 'APPLIED', pattern, matched: 1, removed: 1 });
    const later = await run(documents.CacheInvalidationDocument, { id: invalidateCache?.id ?? '' }, 'admin');
    expect(later.cacheInvalidation).toEqual({ ...invalidateCache, elapsedMs: expect.any(Number) });
    expect((await run(documents.InvalidateDevicesDocument, { ids: ['hive-01'] }, 'admin')).invalidateDevices?.status).toBe(
      'APPLIED',
    );
    const { explainCacheEntry } = await run(documents.ExplainCacheEntryDocument, { key: 'device_meta:sensor-0002' }, 'admin');
    expect(explainCacheEntry).toMatchObject({ servable: true, inMemory: true, inRedis: false, absent: false });
    const { cacheInvalidations } = await run(documents.CacheInvalidationsDocument, { first: 2 }, 'admin');
    expect(cacheInvalidations).toMatchObject([
      { ids: 1, pattern: null, actor: expect.any(String) },
      { id: invalidateCache?.id, pattern },
    ]);
    expect((await run(documents.ClearCacheDocument, {}, 'admin')).clearCache?.status).toBe('APPLIED');
  });

  it('gives the tour', async () => {
    const sendAs = async (operationName: string, who: 'admin' | 'grower') => {
      const response = await fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${server.demoToken(who)}` },
        body: JSON.stringify({ query: tour, operationName }),
      });
      const { data, errors } = (await response.json()) as { data: Record<string, any>; errors?: unknown };
      expect(errors).toBeUndefined();
      return data;
    };
    const { device, devices, deviceListing } = await sendAs('Tour', 'grower');
    expect(device.deviceIds).toHaveLength(3);
    expect(devices.map((each: { id: string } | null) => each?.id)).toEqual(['sensor-0001|Bed 1', 'hive-01|Beehive', undefined]);
    expect(deviceListing.edges).toHaveLength(2);
    expect((await sendAs('WhoAmI', 'grower')).viewer.kind).toBe('USER');
    expect((await sendAs('LookAtCache', 'admin')).cacheEntries.edges.length).toBeGreaterThan(0);
    expect((await sendAs('Purge', 'admin')).invalidateCache).toMatchObject({ status: 'APPLIED', matched: 1 });
    const { cacheInvalidations, explainCacheEntry } = await sendAs('WhoAndWhy', 'admin');
    expect(cacheInvalidations[0]).toMatchObject({ pattern: 'device_meta:greenhouse*', status: 'APPLIED', removed: 1 });
    expect(explainCacheEntry).toMatchObject({ servable: true, tags: expect.arrayContaining(['device:sensor-0001']) });
  });

  it('feeds the example', async () => {
    const lookup = (...args: string[]) =>
      promisify(execFile)(process.execPath, ['--import', 'tsx', 'examples/batch-lookup.ts', '--url', ...args]);
    const { stdout } = await lookup(`${server.url}/graphql`);
    expect(stdout.split('\n').filter((line) => /\tPUBLIC\t/.test(line))).toHaveLength(1_000);
    expect(stdout).toMatch(/1000 of 1000 devices found in one request/);
    const { stdout: some } = await lookup(
      `${server.url}/graphql`,
      '--token',
      server.demoToken('grower'),
      'hive-01',
      'nobody-knows',
    );
    expect(some).toMatch(/hive-01\|Beehive\tPRIVATE\thive-01, hive-02\nnobody-knows\tunknown/);
    await expect(lookup('http://127.0.0.1:1/graphql')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/No server answers at/),
    });
  });
});
