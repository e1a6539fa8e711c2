/** The schema against the fixed one, and what every part of it must have. */
import {
  buildSchema,
  DangerousChangeType,
  findBreakingChanges,
  findDangerousChanges,
  graphql,
  isEnumType,
  isInputObjectType,
  isObjectType,
  isSpecifiedDirective,
  isSpecifiedScalarType,
  validateSchema,
  type GraphQLSchema,
} from 'graphql';
import { Query, Resolver } from 'type-graphql';
import { expect, it } from 'vitest';
import { RESOLVER_CLASSES } from '../../src/graphql/resolvers.js';
import { buildServerSchema } from '../../src/graphql/schema.js';
import { fixedSdl } from './apollo.js';

const schema = buildServerSchema(RESOLVER_CLASSES);
const fixed = buildSchema(fixedSdl());

it('is valid', () => {
  expect(validateSchema(schema)).toEqual([]);
});

/** Seen from the fixed schema, what is only here has been taken away. */
const ADDITIONS = /_REMOVED|^REMOVED_/;

it('takes nothing away from the fixed schema and changes nothing in it', () => {
  expect(findBreakingChanges(fixed, schema)).toEqual([]);
  // Nullability and defaults that differ in the harmless direction are found from the other side.
  expect(findBreakingChanges(schema, fixed).filter(({ type }) => !ADDITIONS.test(type))).toEqual([]);
  expect(findDangerousChanges(fixed, schema).filter(({ type }) => type === DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE)).toEqual(
    [],
  );
});

it('adds to it what is listed here', () => {
  const added = findBreakingChanges(schema, fixed).filter(({ type }) => ADDITIONS.test(type));
  expect(added.map(({ description }) => description.replace(' was removed.', '')).sort()).toEqual([
    'CacheEntryExplanation',
    'CacheInvalidation.actor',
    'CacheInvalidation.ids',
    'PodStats.l1MaxBytes',
    'Query.cacheInvalidations',
    'Query.explainCacheEntry',
  ]);
});

it('has the input fields of the fixed schema with the same defaults', () => {
  for (const type of Object.values(fixed.getTypeMap()).filter(isInputObjectType)) {
    const ours = schema.getType(type.name);
    if (!isInputObjectType(ours)) throw new Error(`${type.name} is no input type`);
    const defaults = (fields: typeof type) =>
      Object.values(fields.getFields()).map(({ name, defaultValue }) => [name, defaultValue]);
    expect(defaults(ours)).toEqual(expect.arrayContaining(defaults(type)));
  }
});

it('is described in every element', () => {
  expect(undescribed(schema)).toEqual([]);
});

/** Names of what has no description: types, their fields and values, arguments, directives. */
function undescribed(of: GraphQLSchema): string[] {
  const types = Object.values(of.getTypeMap()).filter((type) => !type.name.startsWith('__') && !isSpecifiedScalarType(type));
  const elements = types.flatMap((type) => [
    type,
    ...(isEnumType(type) ? under(type.name, type.getValues()) : []),
    ...(isInputObjectType(type) ? under(type.name, Object.values(type.getFields())) : []),
    ...(isObjectType(type) ? Object.values(type.getFields()) : []).flatMap((field) => [
      ...under(type.name, [field]),
      ...under(`${type.name}.${field.name}`, field.args),
    ]),
  ]);
  const directives = of.getDirectives().filter((directive) => !isSpecifiedDirective(directive));
  return [...elements, ...directives].filter(({ description }) => !description?.trim()).map(({ name }) => name);
}

interface Described {
  readonly name: string;
  readonly description?: string | null | undefined;
}

function under(parent: string, elements: readonly Described[]): Described[] {
  return elements.map(({ name, description }) => ({ name: `${parent}.${name}`, description }));
}

it('resolves the fields of devices, entries and pages without a function of their own, which costs more than all the rest', () => {
  for (const name of ['Device', 'DeviceEdge', 'DeviceConnection', 'PageInfo', 'CacheEntry', 'CacheEntryEdge', 'NamespaceStats']) {
    const type = schema.getType(name);
    if (!isObjectType(type)) throw new Error(`${name} is no object type`);
    expect(Object.values(type.getFields()).filter(({ resolve }) => resolve !== undefined)).toEqual([]);
  }
});

@Resolver()
class Greeting {
  constructor(readonly text: string) {}

  @Query(() => String)
  greeting(): string {
    return this.text;
  }
}

it('calls the instances that it is given', async () => {
  const { data } = await graphql({ schema: buildServerSchema([new Greeting('hello')]), source: '{ greeting }' });
  expect(data).toEqual({ greeting: 'hello' });
});
