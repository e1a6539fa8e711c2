/**
 * `@cacheControl(maxAge, scope)` on types and fields of the schema, as Apollo's users know it, with one difference: hints only shorten or
 * restrict. Without any, an answer lives as long as the cache lets it, and whose it is follows from what its resolvers asked. They are
 * read off the document before it is executed, whether a selection is skipped or not, once per document.
 */
import {
  type DirectiveNode,
  type DocumentNode,
  getNamedType,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';

export interface CacheHint {
  /** Seconds; the smallest of all that the answer may hold. Infinite without any. */
  readonly maxAgeSeconds: number;
  /** Whether the answer is its caller's own whatever its resolvers ask. */
  readonly isPrivate: boolean;
}

const hints = new WeakMap<DocumentNode, Map<string, CacheHint>>();

/** The hint for one operation of a document, all fragments of the document included. */
export function hintOf(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): CacheHint {
  const name = operation.name?.value ?? '';
  let known = hints.get(document);
  if (known === undefined) hints.set(document, (known = new Map<string, CacheHint>()));
  let hint = known.get(name);
  if (hint === undefined) known.set(name, (hint = collect(schema, document, operation)));
  return hint;
}

function collect(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): CacheHint {
  let maxAgeSeconds = Infinity;
  let isPrivate = false;
  const take = (directives: readonly DirectiveNode[] | undefined): void => {
    for (const { arguments: args = [] } of directives?.filter(({ name }) => name.value === 'cacheControl') ?? []) {
      for (const { name, value } of args) {
        if (name.value === 'maxAge' && value.kind === Kind.INT) maxAgeSeconds = Math.min(maxAgeSeconds, Number(value.value));
        if (name.value === 'scope' && value.kind === Kind.ENUM && value.value === 'PRIVATE') isPrivate = true;
      }
    }
  };
  const types = new TypeInfo(schema);
  const look = visitWithTypeInfo(types, {
    Field() {
      take(types.getFieldDef()?.astNode?.directives);
      const type = types.getType();
      if (type) take(getNamedType(type).astNode?.directives);
    },
  });
  for (const definition of document.definitions) {
    if (definition === operation || definition.kind === Kind.FRAGMENT_DEFINITION) visit(definition, look);
  }
  return { maxAgeSeconds, isPrivate };
}
