/** The forms of `REDIS_URL`: what each means, and what is none of them. */
import { describe, expect, test } from 'vitest';
import { parseSentinelUrl } from '../src/config-redis.js';
import { loadConfig } from '../src/config.js';

describe('REDIS_URL', () => {
  test.each<[url: string, kind: string, urls: readonly string[] | undefined]>([
    ['redis://localhost', 'single', undefined],
    ['rediss://:p%2Css@[::1]:6380/15', 'single', undefined],
    ['redis+sentinel://a:26379,b:26380/mymaster', 'sentinel', undefined],
    ['redis+sentinel://user:p%40ss@a,[::1]:1/mymaster/3', 'sentinel', undefined],
    ['redis://a:7000,redis://b:7001', 'cluster', ['redis://a:7000', 'redis://b:7001']],
    ['rediss://u:p%40@a:7000/0, b:7001/', 'cluster', ['rediss://u:p%40@a:7000', 'rediss://u:p%40@b:7001']],
    ['a:7000,b:7001,c:7002', 'cluster', ['redis://a:7000', 'redis://b:7001', 'redis://c:7002']],
  ])('%s', (url, kind, urls = [url]) => {
    expect(loadConfig({ REDIS_URL: url }).cache.redis).toEqual({ kind, urls });
  });

  test.each([
    ...[
      'localhost:6379',
      'http://h',
      'redis://',
      'redis://h:0',
      'redis://h:65536',
      'redis://h/x',
      'redis://h/0/1',
      'redis://h?db=1',
    ],
    ...[
      'redis://h#x',
      'redis://u:%zz@h',
      'redis://:a,b@h',
      'redis://a:1,',
      'redis://a,rediss://b',
      'redis://u:p@a,redis://u:q@b',
    ],
    ...[
      'redis://a/1,redis://b/1',
      'redis+sentinel://a:1',
      'redis+sentinel:///m',
      'redis+sentinel://a:0/m',
      'redis+sentinel://a,/m',
    ],
    ...['redis+sentinel://a/m/x', 'redis+sentinel://u:%zz@a/m', 'rediss+sentinel://a/m'],
  ])('%s is none', (REDIS_URL) => {
    expect(() => loadConfig({ REDIS_URL })).toThrow(/^The environment can't be used:\n {2}REDIS_URL must [^\n]*$/);
  });

  test('a Sentinel URL, read', () => {
    expect(parseSentinelUrl('redis+sentinel://user:p%40s:s@a:1,[::1],c:65535/my%20master/3')).toEqual({
      sentinels: [
        { host: 'a', port: 1 },
        { host: '::1', port: 26_379 },
        { host: 'c', port: 65_535 },
      ],
      master: 'my master',
      database: 3,
      username: 'user',
      password: 'p@s:s',
    });
    expect(parseSentinelUrl('redis+sentinel://:pass@a/m')).toMatchObject({ username: undefined, password: 'pass', database: 0 });
    expect(parseSentinelUrl('redis+sentinel://a/m')).toMatchObject({ username: undefined, password: undefined });
  });
});
