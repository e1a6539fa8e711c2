/** What `@cacheControl` and `CACHE_RESPONSE_HINTS` say of an answer, read off its document. Pure logic. */
import { buildSchema, Kind, type OperationDefinitionNode, parse } from 'graphql';
import { Directive, Field, ObjectType, Query, Resolver } from 'type-graphql';
import { describe, expect, it } from 'vitest';
import { buildServerSchema } from '../../src/graphql/schema.js';
import { type CacheHint, Hints, type TypeHints } from '../../src/response-cache/hints.js';

const schema = buildSchema(`
  directive @cacheControl(maxAge: Int, scope: CacheControlScope) on FIELD_DEFINITION | OBJECT | INTERFACE | UNION
  enum CacheControlScope { PUBLIC PRIVATE }
  type Query { bed(id: ID): Bed  beds: [Bed!]!  weather: Weather @cacheControl(maxAge: 30)  thing: Thing  named: Named  now: Int @cacheControl(maxAge: 0) }
  type Mutation { water: Bed }
  interface Named { name: String }
  type Bed implements Named { name: String  soil: Soil  notes: String @cacheControl(maxAge: 20, scope: PRIVATE) }
  type Soil @cacheControl(maxAge: 40) { name: String  moisture: Float @cacheControl(maxAge: 50) }
  type Weather { rain: Float  next: Weather }
  type Secret implements Named @cacheControl(scope: PRIVATE) { name: String @cacheControl(maxAge: 10)  text: String }
  union Thing = Bed | Secret
`);

function hintOf(query: string, byType: TypeHints = {}, name?: string): CacheHint {
  const document = parse(query);
  const operations = document.definitions.filter((each) => each.kind === Kind.OPERATION_DEFINITION);
  return new Hints(schema, byType).of(
    document,
    operations.find((each) => each.name?.value === name)!,
  );
}

describe('maxAge', () => {
  it.each<[string, number, TypeHints]>([
    ['{ bed { name } }', Infinity, {}],
    ['{ weather { rain } }', 30, {}],
    ['{ weather { rain } bed { soil { moisture } } }', 30, {}],
    ['{ bed { soil { moisture } } }', 40, {}],
    ['{ bed { notes } }', 20, {}],
    ['{ now }', 0, {}],
    ['{ bed { ...F } } fragment F on Bed { soil { ...G } } fragment G on Soil { moisture }', 40, {}],
    ['{ bed { ... on Bed @include(if: false) { notes } } }', 20, {}],
    ['{ named { name } }', 10, {}],
    ['{ thing { __typename } }', Infinity, {}],
    ['{ bed { name } }', 15, { Bed: { maxAge: 15 } }],
    ['{ beds { name } }', 15, { Bed: { maxAge: 15 } }],
    ['{ thing { __typename } }', 15, { Bed: { maxAge: 15 } }],
    ['{ thing { __typename } }', 15, { Thing: { maxAge: 15 } }],
    ['{ weather { rain } }', 30, { Weather: { maxAge: 60 } }],
    ['{ bed { soil { name } } }', 25, { '*': { maxAge: 25 }, Soil: { maxAge: 60 } }],
    ['{ weather { next { next { rain } } } }', 5, { '*': { maxAge: 5 } }],
    ['{ now }', 0, { '*': { maxAge: 5 } }],
    ['{ bed { name } }', 60, { '*': { maxAge: 5 }, Bed: { maxAge: 60 } }],
  ])('%s lives %s s', (query, seconds, byType) => {
    expect(hintOf(query, byType).maxAgeSeconds).toBe(seconds);
  });
});

describe('scope', () => {
  it.each<[string, boolean, TypeHints]>([
    ['{ bed { name } }', false, {}],
    ['{ bed { notes } }', true, {}],
    ['{ thing { ... on Bed { name } } }', true, {}], // it may be a Secret
    ['{ named { name } }', true, {}],
    ['{ bed { name } }', true, { Bed: { scope: 'PRIVATE' } }],
    ['{ bed { notes } }', true, { Bed: { scope: 'PUBLIC' } }],
    ['{ bed { soil { name } } }', true, { '*': { scope: 'PRIVATE' } }],
  ])('%s is its caller’s own: %s', (query, isPrivate, byType) => {
    expect(hintOf(query, byType).isPrivate).toBe(isPrivate);
  });
});

describe('staleWhileRevalidate', () => {
  it.each<[string, number, TypeHints]>([
    ['{ bed { name } }', 0, {}],
    ['{ bed { name } }', 9, { Bed: { staleWhileRevalidate: 9 } }],
    ['{ bed { soil { name } } }', 0, { Bed: { staleWhileRevalidate: 9 } }],
    ['{ bed { soil { name } } }', 9, { '*': { staleWhileRevalidate: 9 } }],
    ['{ bed { soil { name } } }', 3, { '*': { staleWhileRevalidate: 9 }, Soil: { staleWhileRevalidate: 3 } }],
    ['{ bed { soil { name } } }', 9, { '*': { staleWhileRevalidate: 9 }, Soil: { maxAge: 3 } }],
    ['{ thing { __typename } }', 0, { Thing: { staleWhileRevalidate: 9 }, Bed: { staleWhileRevalidate: 9 } }],
    ['{ __typename }', 0, { '*': { staleWhileRevalidate: 9 } }],
  ])('%s is served %s s past its time', (query, seconds, byType) => {
    expect(hintOf(query, byType).staleWhileRevalidateSeconds).toBe(seconds);
  });
});

it('is of one operation of a document', () => {
  const query = 'query A { bed { name } } query B { bed { notes } }';
  expect(hintOf(query, {}, 'A')).toMatchObject({ maxAgeSeconds: Infinity, isPrivate: false });
  expect(hintOf(query, {}, 'B')).toMatchObject({ maxAgeSeconds: 20, isPrivate: true });
});

it.each(['Bead', 'Query', 'Mutation', 'Float', 'CacheControlScope', '__Type', ''])('there is none for %j', (name) => {
  expect(() => new Hints(schema, { Bed: { maxAge: 1 }, [name]: { maxAge: 1 } })).toThrow(
    `CACHE_RESPONSE_HINTS names ${name}, but there are only *, Bed, Named, Secret, Soil, Thing, Weather.`,
  );
});

it('reads what a class of type-graphql says', () => {
  @ObjectType()
  @Directive('@cacheControl(maxAge: 60)')
  class Reading {
    @Field(() => String)
    @Directive('@cacheControl(maxAge: 30, scope: PRIVATE)')
    value!: string;

    @Field(() => String)
    unit!: string;
  }
  @Resolver()
  class Readings {
    @Query(() => Reading)
    reading(): Reading {
      return new Reading();
    }
  }
  const hints = new Hints(buildServerSchema([new Readings()]), {});
  const of = (query: string): CacheHint => {
    const document = parse(query);
    return hints.of(document, document.definitions[0] as OperationDefinitionNode);
  };
  expect(of('{ reading { unit } }')).toMatchObject({ maxAgeSeconds: 60, isPrivate: false });
  expect(of('{ reading { value } }')).toMatchObject({ maxAgeSeconds: 30, isPrivate: true });
});
