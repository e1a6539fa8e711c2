/** The GraphQL types of `cacheEntries`, and how a page of keys becomes a connection. */
import { Field, Float, Int, ObjectType } from 'type-graphql';
import { z } from 'zod';
import type { EntryPage } from '../cache/cache.js';
import { type Connection, connectionType, decodeCursor, encodeCursor } from '../connection.js';

@ObjectType({ description: 'One cached value, without the value.', simpleResolvers: true })
export class CacheEntry {
  @Field(() => String, { description: 'The key, without the prefix, e.g. `device_meta:greenhouse-7f3a`.' })
  key!: string;

  @Field(() => String, { description: 'First part of the key.' })
  namespace!: string;

  @Field(() => Float, { description: 'Seconds until it is stale; 0 while only grace keeps it.' })
  ttlSeconds!: number;

  @Field(() => Int, { description: 'Size of the stored value in bytes.' })
  bytes!: number;
}

export const CacheEntryConnection = connectionType(CacheEntry, 'CacheEntry');

/** Where a walk stands, as the key space gave it; undefined at its beginning. */
export function positionOf(pattern: string, after: string | undefined): string | undefined {
  return after === undefined ? undefined : (decodeCursor(listOf(pattern), after, z.string().nullable()) ?? undefined);
}

/**
 * A walk can go on only from the end of a page, so that is the cursor of its last edge; those before it lead to the page's own
 * beginning, and list it again.
 */
export function toEntryConnection(
  page: EntryPage,
  options: { readonly pattern: string; readonly from: string | undefined },
): Connection<CacheEntry> {
  const list = listOf(options.pattern);
  const begin = encodeCursor(list, options.from ?? null);
  const end = page.next === undefined ? begin : encodeCursor(list, page.next);
  const edges = page.entries.map((entry, i) => ({
    node: { ...entry, namespace: entry.key.slice(0, entry.key.indexOf(':')) },
    cursor: i === page.entries.length - 1 ? end : begin,
  }));
  return {
    edges,
    pageInfo: {
      hasNextPage: page.next !== undefined,
      hasPreviousPage: options.from !== undefined,
      startCursor: edges[0]?.cursor ?? null,
      // Also on an empty page: a walk that met no match in its steps goes on from there.
      endCursor: page.next === undefined ? (edges.at(-1)?.cursor ?? null) : end,
    },
  };
}

function listOf(pattern: string): readonly string[] {
  return ['cacheEntries', pattern];
}
