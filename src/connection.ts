/**
 * Pages of a list as GraphQL clients know them: connection, edges, page info, and opaque cursors. Domains make their connection
 * types here and keep the order and the contents of their pages to themselves.
 */
import 'reflect-metadata';
import { hash } from 'node:crypto';
import { Field, ObjectType, type ClassType } from 'type-graphql';
import type { z } from 'zod';
import { CodedError } from './errors.js';

@ObjectType({ description: 'Where a page lies in its list.', simpleResolvers: true })
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether anything follows this page.' })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Whether `after` was given, so that something may precede this page.' })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'The cursor of the first edge; null on an empty page.' })
  startCursor!: string | null;

  @Field(() => String, { nullable: true, description: 'The cursor of the last edge, for `after`; null on an empty page.' })
  endCursor!: string | null;
}

export interface Connection<N> {
  readonly edges: readonly { readonly node: N; readonly cursor: string }[];
  readonly pageInfo: Readonly<PageInfo>;
}

/** Makes the GraphQL types `<name>Connection` and `<name>Edge` over a node type, and answers the former. Once per node type. */
export function connectionType<N extends object>(node: ClassType<N>, name: string): ClassType<Connection<N>> {
  @ObjectType(`${name}Edge`, { description: `One ${name} in a page.`, simpleResolvers: true })
  class Edge {
    @Field(() => node, { description: `The ${name} itself.` })
    node!: N;

    @Field(() => String, {
      description: 'Where it lies in the list, for `after`. Opaque; belongs to the arguments that it came from.',
    })
    cursor!: string;
  }

  @ObjectType(`${name}Connection`, { description: `A page of a list of ${name}.`, simpleResolvers: true })
  class ConnectionOfNode implements Connection<N> {
    @Field(() => [Edge], { description: 'What is on this page, in the order of the list.' })
    edges!: Edge[];

    @Field(() => PageInfo, { description: 'Where this page lies in the list.' })
    pageInfo!: Readonly<PageInfo>;
  }

  return ConnectionOfNode;
}

/** The connection of one page. */
export function toConnection<N>(page: {
  readonly nodes: readonly N[];
  readonly cursorOf: (node: N) => string;
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}): Connection<N> {
  const edges = page.nodes.map((node) => ({ node, cursor: page.cursorOf(node) }));
  return {
    edges,
    pageInfo: {
      hasNextPage: page.hasNextPage,
      hasPreviousPage: page.hasPreviousPage,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

/**
 * A cursor that holds `value`, any JSON.
 * @param list names the list and the arguments that choose what is in it (not the length of a page). Another list refuses the cursor.
 */
export function encodeCursor(list: readonly string[], value: unknown): string {
  return Buffer.from(JSON.stringify([digest(list), value])).toString('base64url');
}

/** What `encodeCursor` was given for the same list; `BAD_USER_INPUT` for any other text. */
export function decodeCursor<T>(list: readonly string[], cursor: string, shape: z.ZodType<T>): T {
  const bytes = Buffer.from(cursor, 'base64url');
  if (bytes.toString('base64url') === cursor) {
    const value = valueOf(list, bytes.toString());
    const parsed = shape.safeParse(value);
    if (parsed.success) return parsed.data;
  }
  throw new CodedError('BAD_USER_INPUT', 'after: not a cursor of this list. Take one from a page with the same arguments.');
}

/** Undefined when the text is no cursor, or another list's. */
function valueOf(list: readonly string[], text: string): unknown {
  try {
    const content: unknown = JSON.parse(text);
    return Array.isArray(content) && content.length === 2 && content[0] === digest(list) ? content[1] : undefined;
  } catch {
    return undefined; // Somebody else's text; that it is not a cursor is all there is to say.
  }
}

function digest(list: readonly string[]): string {
  return hash('sha256', JSON.stringify(list), 'base64url').slice(0, 16);
}
