/** `CACHE_RESPONSE_HINTS` in the environment; what it says of answers is in `response-cache/hints.test.ts`. Pure logic. */
import { expect, test } from 'vitest';
import { problemsOf } from './config-problems.js';

test('a TTL of responses plus the time in which they are made anew is at most 3,000 s', () => {
  const hints = (staleWhileRevalidate: number) => JSON.stringify({ Device: { staleWhileRevalidate }, Viewer: { maxAge: 3_000 } });
  expect(problemsOf({ CACHE_RESPONSE_HINTS: hints(2_940) })).toEqual([]);
  expect(problemsOf({ CACHE_RESPONSE_HINTS: hints(2_941) })).toEqual([
    'CACHE_RESPONSE_TTL_SECONDS plus each staleWhileRevalidate of CACHE_RESPONSE_HINTS must be at most 3000.',
  ]);
});

test.each([
  ...['Device', '[]', '{"Device":30}', '{"Device":{"maxage":30}}', '{"Device":{"maxAge":-1}}', '{"Device":{"maxAge":1.5}}'],
  ...['{"Device":{"maxAge":"30"}}', '{"Device":{"scope":"private"}}', '{"Device":{"staleWhileRevalidate":3001}}', 'null', '{'],
])('%j are no hints', (CACHE_RESPONSE_HINTS) => {
  expect(problemsOf({ CACHE_RESPONSE_HINTS })).toEqual([expect.stringMatching(/^CACHE_RESPONSE_HINTS must be JSON like \{/)]);
});
