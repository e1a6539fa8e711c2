/** The device part of the schema: what it looks like, and what queries against the demo fleet answer. */
import { readFileSync } from 'node:fs';
import {
  buildSchema,
  graphql,
  isEnumType,
  isInputObjectType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLSchema,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { ANONYMOUS, type Principal } from '../../src/auth/principal.js';
import { DEMO_DEVICES, DEMO_USERS, demoFleet } from '../../src/devices/demo-fleet.js';
import { DeviceChanges } from '../../src/devices/device.changes.js';
import { deviceLoaders, type DeviceContext } from '../../src/devices/device.loaders.js';
import { DeviceResolver, ViewerResolver } from '../../src/devices/device.resolver.js';
import { EmbeddedDeviceStore } from '../../src/devices/embedded.store.js';
import { buildServerSchema } from '../../src/graphql/schema.js';
import { deviceKey, passingCache, requestBy, service, user } from './fakes.js';

const { grower, neighbour, newcomer } = DEMO_USERS;

function setUp() {
  const store = new EmbeddedDeviceStore(demoFleet());
  const cache = passingCache();
  const schema = buildServerSchema([new DeviceResolver(new DeviceChanges(store, cache)), new ViewerResolver()]);
  const loadersFor = deviceLoaders({ store, cache, lifetimes: { ttlSeconds: 300, negativeTtlSeconds: 30, graceSeconds: 600 } });
  const ask = async (source: string, principal: Principal = ANONYMOUS, variableValues: Record<string, unknown> = {}) => {
    const request = requestBy(principal);
    const contextValue: DeviceContext = { request, devices: loadersFor(request) };
    const { data, errors } = await graphql({ schema, source, contextValue, variableValues });
    const codes = (errors ?? []).map(({ path, extensions }) => `${String(path)}: ${String(extensions.code)}`);
    return { data: data as Record<string, any> | null | undefined, codes, errors, request };
  };
  return { schema, ask };
}

describe('the schema', () => {
  it('has the fixed types, arguments, nullability and defaults', () => {
    const fixed = signatures(buildSchema(readFileSync(new URL('../graphql/fixed-schema.graphql', import.meta.url), 'utf8')));
    const isAdded = (line: string) => /^CacheInvalidation\.(actor|ids)\(/.test(line);
    const ours = signatures(setUp().schema).filter((line) => !isAdded(line));
    expect(fixed).toEqual(expect.arrayContaining(ours));
    const ofOurTypes =
      /^(Device|Visibility|PageInfo|Viewer|RegisterDevice|UpdateDevice|RemoveDevice|RevealApiKey|CacheInvalidation\b|Invalidation|PodAcks)/;
    const ofOurRoots =
      /^(Query\.(device|devices|deviceListing|viewer)|Mutation\.(registerDevice|updateDevice|removeDevice|revealApiKey))\(/;
    expect(ours).toEqual(expect.arrayContaining(fixed.filter((line) => ofOurTypes.test(line) || ofOurRoots.test(line))));
  });

  it('describes every type, field, argument and value', () => {
    const { schema } = setUp();
    for (const type of Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith('__'))) {
      const isRoot = type === schema.getQueryType() || type === schema.getMutationType();
      if (!isRoot) expect(type.description, type.name).toMatch(/\S/);
      if (!isObjectType(type) && !isInputObjectType(type)) continue;
      for (const field of Object.values(type.getFields())) {
        expect(field.description, `${type.name}.${field.name}`).toMatch(/\S/);
        for (const arg of 'args' in field ? field.args : []) expect(arg.description, `${field.name}(${arg.name})`).toMatch(/\S/);
      }
    }
  });

  /** `Type.field(argument: Type = default): Type` and `Enum.VALUE`. */
  function signatures(schema: GraphQLSchema): string[] {
    const types = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith('__'));
    return types.flatMap((type) => {
      if (isEnumType(type)) return type.getValues().map(({ name }) => `${type.name}.${name}`);
      if (isInputObjectType(type)) return Object.values(type.getFields()).map((field) => `${type.name}.${inputSignature(field)}`);
      if (!isObjectType(type)) return [];
      return Object.values(type.getFields()).map(
        (field) => `${type.name}.${field.name}(${field.args.map(inputSignature).sort().join(', ')}): ${String(field.type)}`,
      );
    });
  }

  function inputSignature({ name, type, defaultValue }: GraphQLArgument | GraphQLInputField): string {
    return `${name}: ${String(type)} = ${JSON.stringify(defaultValue)}`;
  }
});

describe('device and devices', () => {
  it('answer a device with every field', async () => {
    const { data } = await setUp().ask(`{ device(id: "${DEMO_DEVICES.mixedChain}") { id } chain: device(id: "greenhouse-8b21") {
      id deviceId name description visibility deviceIds } }`);
    expect(data).toEqual({
      device: null,
      chain: {
        id: 'greenhouse-8b21|Tomatoes',
        deviceId: 'greenhouse-8b21',
        name: 'Tomatoes',
        description: expect.any(String),
        visibility: 'PUBLIC',
        deviceIds: ['greenhouse-7f3a', 'greenhouse-8b21', 'greenhouse-9c04'],
      },
    });
  });

  it('answer in the order asked, null where there is nothing to see', async () => {
    const { ask } = setUp();
    const ids = ['sensor-0002', 'none', 'sensor-0001', DEMO_DEVICES.private, 'sensor-0002', ''];
    const query = 'query ($ids: [ID!]!) { devices(ids: $ids) { id visibility } none: devices(ids: []) { id } }';
    const [two, one] = ['sensor-0002|Bed 2', 'sensor-0001|Bed 1'].map((id) => ({ id, visibility: 'PUBLIC' }));
    expect((await ask(query, ANONYMOUS, { ids })).data).toEqual({ devices: [two, null, one, null, two, null], none: [] });
    const own = { id: DEMO_DEVICES.private, visibility: 'PRIVATE' };
    expect((await ask(query, user(grower), { ids })).data?.devices).toEqual([two, null, one, own, two, null]);
  });

  it('hide a private device as if it were unknown', async () => {
    const { ask } = setUp();
    const answers = await Promise.all(
      [DEMO_DEVICES.private, 'vault-01|Unknown', 'unknown'].map((id) =>
        ask('query ($id: ID!) { device(id: $id) { id } }', user(newcomer), { id }),
      ),
    );
    for (const { data, errors, request } of answers)
      expect([data, errors, request.asked]).toEqual([{ device: null }, undefined, 1]);
  });
});

describe('deviceListing', () => {
  const query = `query ($search: String, $first: Int, $after: String) {
    deviceListing(search: $search, first: $first, after: $after) { edges { node { id } cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
  }`.replace('$first: Int,', '$first: Int! = 50,');

  it('lists 50 where no number is given, and always asks who asks', async () => {
    const { data, request } = await setUp().ask(query);
    const { edges, pageInfo } = data!.deviceListing;
    expect(edges).toHaveLength(50);
    expect(pageInfo).toEqual({
      hasNextPage: true,
      hasPreviousPage: false,
      startCursor: edges[0].cursor,
      endCursor: edges[49].cursor,
    });
    expect(request.asked).toBeGreaterThan(0);
  });

  it.each<[string, Principal, number]>([
    ['nobody', ANONYMOUS, 1_080 + 10],
    ['a service', service(), 1_090],
    ['a service with devices:read', service('devices:read'), 1_200 + 14],
    ['a user', user(grower), 1_090 + 60 + 3],
    ['a user without devices', user(newcomer), 1_090],
    ['a private device', deviceKey(grower, 'vault-01', 'Seed vault'), 1_091],
  ])('shows %s each device that they may see once', async (_who, principal, count) => {
    const { ask } = setUp();
    const seen: string[] = [];
    for (let after: string | null = null; ;) {
      const { data } = await ask(query, principal, { first: 500, after });
      const { edges, pageInfo } = data!.deviceListing;
      seen.push(...edges.map(({ node }: any) => node.id));
      expect(pageInfo.hasPreviousPage).toBe(after !== null);
      after = pageInfo.endCursor;
      if (!pageInfo.hasNextPage) break;
    }
    expect(seen).toHaveLength(count);
    expect(new Set(seen).size).toBe(count);
  });

  it('searches, an empty text for all', async () => {
    const { ask } = setUp();
    const { data } = await ask(query, ANONYMOUS, { search: 'TOMAT', first: 2 });
    expect(data?.deviceListing.edges.map(({ node }: any) => node.id)).toEqual([
      'greenhouse-7f3a|Tomatoes',
      'greenhouse-8b21|Tomatoes',
    ]);
    const all = await ask(query, ANONYMOUS, { first: 2 });
    expect((await ask(query, ANONYMOUS, { search: '', first: 2 })).data).toEqual(all.data);
    expect((await ask(query, ANONYMOUS, { search: null, first: 2, after: null })).data).toEqual(all.data);
    const next = { search: '', first: 3, after: all.data?.deviceListing.pageInfo.endCursor };
    expect((await ask(query, ANONYMOUS, next)).data?.deviceListing.edges).toHaveLength(3);
  });

  it('refuses pages shorter than one and cursors of other lists', async () => {
    const { ask } = setUp();
    const { data } = await ask(query, user(grower), { first: 1 });
    const after = data?.deviceListing.pageInfo.endCursor;
    const own = await ask('{ viewer { devices(first: 1) { pageInfo { endCursor } } } }', user(grower));
    const ownCursor = own.data?.viewer.devices.pageInfo.endCursor;
    for (const variables of [
      { first: 0 },
      { first: -1 },
      { after: 'x' },
      { after: '' },
      { after, search: 'a' },
      { after: ownCursor },
    ]) {
      const refused = await ask(query, user(grower), variables);
      expect([refused.data, refused.codes]).toEqual([{ deviceListing: null }, ['deviceListing: BAD_USER_INPUT']]);
    }
    expect((await ask(query, user(grower), { after, first: 2 })).codes).toEqual([]);
    const viewer = await ask(
      'query ($after: String) { viewer { id devices(after: $after) { edges { cursor } } } }',
      user(grower),
      { after },
    );
    expect([viewer.data?.viewer, viewer.codes]).toEqual([{ id: grower, devices: null }, ['viewer,devices: BAD_USER_INPUT']]);
  });
});

describe('viewer', () => {
  const query = '{ viewer { id kind permissions devices(first: 2) { edges { node { id } } pageInfo { hasNextPage } } } }';
  const edges = (...ids: string[]) => ids.map((id) => ({ node: { id } }));

  it('is null for nobody, and never stored', async () => {
    const { data, errors, request } = await setUp().ask(query);
    expect([data, errors, request.isStorable]).toEqual([{ viewer: null }, undefined, false]);
  });

  it.each<[string, Principal, object]>([
    [
      'a user',
      user(neighbour, 'cache:admin', 'cache:read'),
      {
        id: neighbour,
        kind: 'USER',
        permissions: ['cache:admin', 'cache:read'],
        devices: { edges: edges('sensor-0601|Bed 601', 'sensor-0602|Bed 602'), pageInfo: { hasNextPage: true } },
      },
    ],
    [
      'a user without devices',
      user(newcomer),
      { id: newcomer, kind: 'USER', permissions: [], devices: { edges: [], pageInfo: { hasNextPage: false } } },
    ],
    [
      'a device',
      deviceKey(grower, 'hive-02', 'Beehive'),
      {
        id: 'hive-02|Beehive',
        kind: 'DEVICE',
        permissions: [],
        devices: { edges: edges('hive-02|Beehive'), pageInfo: { hasNextPage: false } },
      },
    ],
    [
      'a service',
      service('devices:read'),
      {
        id: 'batch-job',
        kind: 'SERVICE',
        permissions: ['devices:read'],
        devices: { edges: [], pageInfo: { hasNextPage: false } },
      },
    ],
  ])('is %s', async (_who, principal, viewer) => {
    expect((await setUp().ask(query, principal)).data).toEqual({ viewer });
  });
});

describe('mutations', () => {
  it('register, update, reveal and remove a device', async () => {
    const { ask } = setUp();
    const registered = await ask(
      `mutation { registerDevice(input: { deviceId: "new", name: "Bed|1" }) {
        device { id description visibility deviceIds } apiKey
        invalidation { id status pattern matched removed requestedAt appliedAt elapsedMs pods { live acknowledged expired } } } }`,
      user(newcomer),
    );
    const { device, apiKey, invalidation } = registered.data!.registerDevice;
    expect(device).toEqual({ id: 'new|Bed|1', description: '', visibility: 'PUBLIC', deviceIds: ['new'] });
    expect(invalidation).toMatchObject({ id: '1', status: 'APPLIED', pattern: null, elapsedMs: 1, pods: null });

    const updated = await ask(
      'mutation { updateDevice(id: "new", input: { description: "x", visibility: PRIVATE }) { device { description visibility } } }',
      user(newcomer),
    );
    expect(updated.data?.updateDevice.device).toEqual({ description: 'x', visibility: 'PRIVATE' });

    const revealed = await ask('mutation { revealApiKey(id: "new|Bed|1") { apiKey } }', user(newcomer));
    expect(revealed.data?.revealApiKey.apiKey).toBe(apiKey);

    const removed = await ask('mutation { removeDevice(id: "new") { removedId invalidation { status } } }', user(newcomer));
    expect(removed.data?.removeDevice).toEqual({ removedId: 'new|Bed|1', invalidation: { status: 'APPLIED' } });
  });

  it('refuse one by one, without blanking their neighbours', async () => {
    const { data, codes } = await setUp().ask(
      `mutation { one: removeDevice(id: "sensor-0601") { removedId } two: removeDevice(id: "shed-01") { removedId }
        three: registerDevice(input: { deviceId: "", name: "x" }) { apiKey } four: removeDevice(id: "sensor-0001") { removedId }
        five: registerDevice(input: { deviceId: "well-01", name: "Well" }) { apiKey } }`,
      user(grower),
    );
    expect(data).toEqual({ one: null, two: null, three: null, four: { removedId: 'sensor-0001|Bed 1' }, five: null });
    expect(codes).toEqual(['one: FORBIDDEN', 'two: NOT_FOUND', 'three: BAD_USER_INPUT', 'five: DEVICE_EXISTS']);
  });
});
