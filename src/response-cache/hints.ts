/**
 * Hints of how long answers live and whose they are: `@cacheControl(maxAge, scope)` on types and fields of the schema, as Apollo's users
 * know it, and `CACHE_RESPONSE_HINTS`, by which whoever runs the server gives hints to types. Unlike Apollo's they only shorten or
 * restrict: without any, an answer lives as long as the cache lets it, and whose it is follows from what its resolvers asked. They are
 * read off the document before it is executed, whether a selection is skipped or not, once per document.
 */
import {
  type DirectiveNode,
  type DocumentNode,
  getNamedType,
  type GraphQLNamedType,
  type GraphQLSchema,
  isAbstractType,
  isCompositeType,
  Kind,
  type OperationDefinitionNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';

/** What holds for answers that a type is part of. The names are Apollo's, and RFC 5861's. */
export interface TypeHint {
  /** Seconds that they live, at most; 0: they are not stored. */
  readonly maxAge?: number | undefined;
  /** PRIVATE: each is its caller's own. */
  readonly scope?: 'PUBLIC' | 'PRIVATE' | undefined;
  /** Seconds after their time for which they are still served, while they are made anew; default 0. */
  readonly staleWhileRevalidate?: number | undefined;
}

/** By the name of a type; what `*` says holds for types whose own hint, if any, does not say it. */
export type TypeHints = Readonly<Record<string, TypeHint>>;

export interface CacheHint {
  /** Seconds; the smallest of all that the answer may hold. Infinite without any. */
  readonly maxAgeSeconds: number;
  /** Whether the answer is its caller's own whatever its resolvers ask. */
  readonly isPrivate: boolean;
  /** Seconds; the smallest of all types that the answer may hold, 0 where one has none. */
  readonly staleWhileRevalidateSeconds: number;
}

export class Hints {
  readonly #schema: GraphQLSchema;
  readonly #byType: TypeHints;
  readonly #known = new WeakMap<DocumentNode, Map<string, CacheHint>>();

  /** Throws a RangeError when there is a hint for what is no type of a field with fields of its own. */
  constructor(schema: GraphQLSchema, byType: TypeHints) {
    this.#schema = schema;
    this.#byType = byType;
    const names = Object.values(schema.getTypeMap())
      .filter((type) => isCompositeType(type) && !type.name.startsWith('__') && !isRoot(schema, type))
      .map(({ name }) => name);
    const unknown = Object.keys(byType).filter((name) => name !== '*' && !names.includes(name));
    if (unknown.length > 0) {
      const types = names.sort().join(', ');
      throw new RangeError(`CACHE_RESPONSE_HINTS names ${unknown.join(', ')}, but there are only *, ${types}.`);
    }
  }

  /** The hint for one operation of a document, all fragments of the document included. */
  of(document: DocumentNode, operation: OperationDefinitionNode): CacheHint {
    const name = operation.name?.value ?? '';
    let known = this.#known.get(document);
    if (known === undefined) this.#known.set(document, (known = new Map<string, CacheHint>()));
    let hint = known.get(name);
    if (hint === undefined) known.set(name, (hint = this.#collect(document, operation)));
    return hint;
  }

  #collect(document: DocumentNode, operation: OperationDefinitionNode): CacheHint {
    const found: TypeHint[] = [];
    const types = new TypeInfo(this.#schema);
    const look = visitWithTypeInfo(types, {
      Field: ({ name }) => {
        const parent = types.getParentType();
        for (const each of parent ? this.#withPossible(parent) : []) {
          if ('getFields' in each) found.push(...fromDirectives(each.getFields()[name.value]?.astNode?.directives));
        }
        const type = getNamedType(types.getType());
        for (const each of type ? this.#withPossible(type) : []) {
          found.push(...fromDirectives(each.astNode?.directives));
          if (isCompositeType(each)) found.push(this.#hintOf(each.name));
        }
      },
    });
    for (const definition of document.definitions) {
      if (definition === operation || definition.kind === Kind.FRAGMENT_DEFINITION) visit(definition, look);
    }
    const smallest = (values: readonly (number | undefined)[]): number =>
      Math.min(...values.filter((value) => value !== undefined));
    const staleSeconds = smallest(found.map(({ staleWhileRevalidate }) => staleWhileRevalidate));
    return {
      maxAgeSeconds: smallest(found.map(({ maxAge }) => maxAge)),
      isPrivate: found.some(({ scope }) => scope === 'PRIVATE'),
      // Infinite for an answer without any type, which is as good tomorrow.
      staleWhileRevalidateSeconds: Number.isFinite(staleSeconds) ? staleSeconds : 0,
    };
  }

  #hintOf(typeName: string): TypeHint {
    return { staleWhileRevalidate: 0, ...this.#byType['*'], ...this.#byType[typeName] };
  }

  /** What an abstract type turns out to be is not known before. */
  #withPossible(type: GraphQLNamedType): readonly GraphQLNamedType[] {
    return isAbstractType(type) ? [type, ...this.#schema.getPossibleTypes(type)] : [type];
  }
}

function fromDirectives(directives: readonly DirectiveNode[] | undefined): TypeHint[] {
  return (directives ?? [])
    .filter(({ name }) => name.value === 'cacheControl')
    .map(({ arguments: args = [] }) => {
      const find = (wanted: string) => args.find(({ name }) => name.value === wanted)?.value;
      const [maxAge, scope] = [find('maxAge'), find('scope')];
      return {
        maxAge: maxAge?.kind === Kind.INT ? Number(maxAge.value) : undefined,
        scope: scope?.kind === Kind.ENUM && scope.value === 'PRIVATE' ? 'PRIVATE' : undefined,
      };
    });
}

function isRoot(schema: GraphQLSchema, type: GraphQLNamedType): boolean {
  return [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].some((root) => root === type);
}
