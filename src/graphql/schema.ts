/**
 * Assembles the schema from the domains' resolver classes. Nothing here runs on import, starts anything or knows a field by name;
 * called by `app.ts` with instances, and by `tools/emit-schema.ts` and tests, which execute nothing, with the bare classes.
 */
import 'reflect-metadata';
import { GraphQLDateTime } from 'graphql-scalars';
import type { GraphQLObjectType, GraphQLSchema } from 'graphql';
import { buildSchemaSync, type ClassType, type Maybe, type NonEmptyArray } from 'type-graphql';

/** @param resolvers instances of `RESOLVER_CLASSES`, or these themselves where the schema is only looked at. */
export function buildServerSchema(resolvers: readonly object[]): GraphQLSchema {
  const instances = new Map(resolvers.map((resolver) => [classOf(resolver), resolver]));
  const schema = buildSchemaSync({
    resolvers: [...instances.keys()] as NonEmptyArray<ClassType>,
    container: { get: (resolverClass: ClassType) => instances.get(resolverClass) },
    // type-graphql's own is named DateTimeISO.
    scalarsMap: [{ type: Date, scalar: GraphQLDateTime }],
    // The domains check their input themselves.
    validate: false,
    // It would run a whole introspection query at every start; the tests validate the schema.
    skipCheck: true,
    emitSchemaFile: false,
  });
  // There is no decorator that could say it.
  describe(schema.getQueryType(), 'What can be asked. Each field is null where it fails, and leaves the others alone.');
  describe(schema.getMutationType(), 'What can be changed. Done one after the other, in the order written.');
  return schema;
}

function describe(type: Maybe<GraphQLObjectType>, description: string): void {
  if (type) type.description = description;
}

function classOf(resolver: object): ClassType {
  return (typeof resolver === 'function' ? resolver : resolver.constructor) as ClassType;
}
