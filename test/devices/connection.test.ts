/** Cursors and pages: opaque, bound to their list, and refused in any other form. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { decodeCursor, encodeCursor, toConnection } from '../../src/connection.js';

const LIST = ['devices', 'search'];
const SHAPE = z.tuple([z.string(), z.string()]);

describe('a cursor', () => {
  it.each([
    ['a', 'b'],
    ['', ''],
    ['ü|', '温室 🌱'],
    ['\0', '"\\'],
  ])('holds what it was made of: %j %j', (...value) => {
    const cursor = encodeCursor(LIST, value);
    expect(cursor).toMatch(/^[\w-]+$/);
    expect(decodeCursor(LIST, cursor, SHAPE)).toEqual(value);
  });

  const good = encodeCursor(LIST, ['a', 'b']);
  const raw = (content: unknown) => Buffer.from(JSON.stringify(content)).toString('base64url');
  const [digest] = JSON.parse(Buffer.from(good, 'base64url').toString()) as string[];
  it.each([
    ['nothing', ''],
    ['any text', 'a|b'],
    ['text that is base64', 'YWJj'],
    ['something appended', `${good}=`],
    ['something cut off', good.slice(0, -1)],
    ['white space', `${good}\n`],
    ['ordinary base64', Buffer.from(good, 'base64url').toString('base64').replace(/=*$/, '+')],
    ['another list', encodeCursor(['devices', 'other'], ['a', 'b'])],
    ['the same words, cut otherwise', encodeCursor(['devicessearch'], ['a', 'b'])],
    ['a value of another shape', encodeCursor(LIST, ['a', 7])],
    ['no value', raw([digest])],
    ['more than a value', raw([digest, ['a', 'b'], 1])],
    ['null', raw(null)],
    ['an object', raw({ 0: digest, 1: ['a', 'b'], length: 2 })],
    ['depth without end', Buffer.from('['.repeat(200_000)).toString('base64url')],
    [
      'depth with an end',
      Buffer.from(`["${String(digest)}",${'['.repeat(100_000)}${']'.repeat(100_000)}]`).toString('base64url'),
    ],
  ])('is refused for %s', (_what, cursor) => {
    expect(() => decodeCursor(LIST, cursor, SHAPE)).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT' }) as Error);
  });
});

describe('a page', () => {
  const cursorOf = (node: string) => `cursor of ${node}`;

  it('knows its ends', () => {
    expect(toConnection({ nodes: ['a', 'b', 'c'], cursorOf, hasNextPage: true, hasPreviousPage: false })).toEqual({
      edges: ['a', 'b', 'c'].map((node) => ({ node, cursor: `cursor of ${node}` })),
      pageInfo: { hasNextPage: true, hasPreviousPage: false, startCursor: 'cursor of a', endCursor: 'cursor of c' },
    });
  });

  it('has no cursors when it is empty', () => {
    expect(toConnection({ nodes: [], cursorOf, hasNextPage: false, hasPreviousPage: true })).toEqual({
      edges: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: true, startCursor: null, endCursor: null },
    });
  });
});
