/** The page's parts that need no browser: rates from counters, the sentence, the tree of keys, the copied requests, words. */
import { execFileSync } from 'node:child_process';
import { parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../../src/admin/outcome.js';
import { asCurl, asGraphQL } from '../../src/admin/requests.js';
import { type Observed, statusOf } from '../../src/admin/status.js';
import { type Pod, type Stats, Traffic, WINDOW_MS } from '../../src/admin/traffic.js';
import { type Branch, treeOf } from '../../src/admin/tree.js';
import * as words from '../../src/admin/words.js';

const START = Date.parse('2026-01-01T12:00:00Z');

function pod(id: string, counts: Partial<Pod['namespaces'][number]> = {}, rest: Partial<Pod> = {}): Pod {
  const zeroes = { hits: 0, misses: 0, hitRatio: null, loads: 0, staleServed: 0, bypassed: 0 };
  return {
    id,
    version: '1',
    startedAt: new Date(START - 3_600_000).toISOString(),
    l1Entries: 0,
    l1Bytes: 0,
    l1MaxBytes: null,
    leaseHeld: true,
    lagMs: 5,
    breaker: 'CLOSED',
    namespaces: [{ ...zeroes, name: 'device_meta', ...counts }],
    ...rest,
  };
}

function stats(pods: readonly Pod[], rest: Partial<Stats> = {}): Stats {
  return {
    status: 'CONNECTED',
    complete: true,
    since: pods[0]!.startedAt,
    prefix: 'p:',
    keys: null,
    keysCountedAt: null,
    redis: null,
    namespaces: [],
    pods: [...pods],
    pendingInvalidations: [],
    ...rest,
  };
}

describe('Traffic', () => {
  it('makes rates of differences, pod by pod', () => {
    const traffic = new Traffic();
    traffic.add(stats([pod('a', { hits: 1_000 }), pod('b', { misses: 50, loads: 50 })]), START);
    expect(traffic.points).toEqual([]);
    traffic.add(stats([pod('a', { hits: 1_030 }), pod('b', { misses: 60, loads: 60 })]), START + 2_000);
    expect(traffic.points).toMatchObject([{ hitRatio: 0.75, loads: 5, requests: 0, isComplete: true }]);
    expect(traffic.points[0]?.lookUpsOfPods).toEqual(
      new Map([
        ['a', 15],
        ['b', 5],
      ]),
    );
    expect(traffic.outcomes.get('device_meta')).toEqual({ hits: 30, misses: 10, bypassed: 0, staleServed: 0 });
  });

  it('takes requests from the look-ups of whole responses, which are no look-ups of data', () => {
    const traffic = new Traffic();
    const of = (misses: number) => stats([pod('a', { name: 'response', misses, loads: misses })]);
    traffic.add(of(10), START);
    traffic.add(of(30), START + 2_000);
    expect(traffic.points).toMatchObject([{ requests: 10, hitRatio: null, loads: 0 }]);
  });

  it('makes neither a spike nor anything negative of a pod that has restarted, and marks it', () => {
    const traffic = new Traffic();
    traffic.add(stats([pod('a', { hits: 5_000 })]), START);
    const startedAt = new Date(START + 1_000).toISOString();
    traffic.add(stats([pod('a', { hits: 8 }, { startedAt })]), START + 2_000);
    expect(traffic.points[0]?.lookUpsOfPods.get('a')).toBe(8);
    expect(traffic.podMarks).toEqual([{ at: START + 2_000, kind: 'pod', text: 'a restarted' }]);
  });

  it('makes no spike of an old pod that it meets later', () => {
    const traffic = new Traffic();
    traffic.add(stats([pod('a')], { complete: false }), START);
    traffic.add(stats([pod('a'), pod('b', { hits: 9_000 })]), START + 2_000);
    expect(traffic.points[0]?.lookUpsOfPods).toEqual(new Map([['a', 0]]));
    expect(traffic.podMarks).toEqual([]);
  });

  it('spreads over the time what a pod counted while it was away, and says so', () => {
    const traffic = new Traffic();
    traffic.add(stats([pod('a'), pod('b', { hits: 100 })]), START);
    traffic.add(stats([pod('a')]), START + 2_000);
    expect(traffic.gone).toEqual([{ id: 'b', at: new Date(START + 2_000) }]);
    traffic.add(stats([pod('a'), pod('b', { hits: 200 })]), START + 10_000);
    expect(traffic.points.at(-1)?.lookUpsOfPods.get('b')).toBe(10);
    expect(traffic.gone).toEqual([]);
    expect(traffic.podMarks.map(({ text }) => text)).toEqual(['b gone', 'b is back']);
  });

  it('misses no pod that another one has replaced', () => {
    const traffic = new Traffic();
    traffic.add(stats([pod('a'), pod('b')]), START);
    traffic.add(stats([pod('a'), pod('c', {}, { startedAt: new Date(START + 1_000).toISOString() })]), START + 2_000);
    expect(traffic.gone).toEqual([]);
    expect(traffic.podMarks.map(({ text }) => text)).toEqual(['c started', 'b gone']);
  });

  it('forgets what is older than its window', () => {
    const traffic = new Traffic();
    for (let at = 0; at <= 2 * WINDOW_MS; at += 10_000)
      traffic.add(stats([pod('a'), ...(at === 0 ? [pod('b')] : [])]), START + at);
    expect(traffic.points).toHaveLength(WINDOW_MS / 10_000);
    expect(traffic.podMarks).toEqual([]);
    expect(traffic.gone).toEqual([]);
  });
});

describe('the sentence', () => {
  const say = (observed: Partial<Observed>) =>
    statusOf({
      stats: stats([pod('a'), pod('b')]),
      at: new Date(),
      silent: undefined,
      missing: [],
      gone: [],
      stalePerSecond: 0,
      database: 'MongoDB',
      ...observed,
    }).sentence;
  const pending = (count: number): Stats['pendingInvalidations'] =>
    Array.from({ length: count }, () => ({ id: 'i', pattern: '*', requestedAt: '', elapsedMs: 1, actor: null, ids: null }));

  it.each<[string, Partial<Observed>]>([
    ['All 2 pods answer from the cache; nothing waits.', {}],
    ['The only pod answers from the cache; nothing waits.', { stats: stats([pod('a')]) }],
    [
      'All 2 pods answer from the cache; 1 invalidation waits.',
      { stats: stats([pod('a'), pod('b')], { pendingInvalidations: pending(1) }) },
    ],
    ['The server answers from its own memory; nothing waits.', { stats: stats([pod('a')], { status: 'EMBEDDED' }) }],
    [
      '1 of 2 pods has lost its lease and answers from MongoDB.',
      { stats: stats([pod('a'), pod('b', {}, { leaseHeld: false })]) },
    ],
    [
      '2 of 2 pods have paused reading from Redis and answer from MongoDB.',
      { stats: stats([pod('a', {}, { breaker: 'OPEN' }), pod('b', {}, { breaker: 'OPEN' })]) },
    ],
    ['1 pod answers from the cache; another does not answer.', { stats: stats([pod('a')], { complete: false }), missing: ['b'] }],
    ['1 of 3 pods has lost its lease or stopped; if it runs, it answers from MongoDB.', { gone: [{ id: 'c', at: new Date() }] }],
    ["MongoDB can't be asked: expired entries stand in, 2.5 per second.", { stalePerSecond: 2.5 }],
    [
      'Degraded since it started: answers come from MongoDB, nothing waits.',
      { stats: stats([pod('a', {}, { lagMs: null })], { status: 'DEGRADED', complete: false }) },
    ],
  ])('is: %s', (sentence, observed) => {
    expect(say(observed)).toBe(sentence);
  });

  it('says since when, by what the pod has heard last', () => {
    const at = new Date('2026-01-01T14:05:00');
    const degraded = stats([pod('a', {}, { leaseHeld: false, lagMs: 180_000 })], {
      status: 'DEGRADED',
      complete: false,
      pendingInvalidations: pending(2),
    });
    expect(say({ stats: degraded, at })).toMatch(
      /^Degraded since (1 Jan )?14:02: answers come from MongoDB, 2 invalidations wait\.$/,
    );
    expect(say({ silent: { since: at, reason: '' } })).toMatch(/^The server can't be reached since (1 Jan )?14:05\.$/);
  });
});

describe('the tree of keys', () => {
  const entriesOf = (keys: readonly string[]) => keys.map((key) => ({ key }));
  const keysIn = (branch: Branch<{ key: string }>): string[] => [
    ...branch.leaves.map(({ key }) => key),
    ...branch.branches.flatMap(keysIn),
  ];

  it('parts keys where their parts end', () => {
    const { prefix, branches, size } = treeOf(
      entriesOf(['apq:1', 'apq:2', 'device_meta:green-1', 'device_meta:green-2', 'device_meta:red-1']),
    );
    expect([prefix, size]).toEqual(['', 5]);
    expect(branches.map((branch) => [branch.prefix, branch.size])).toEqual([
      ['apq:', 2],
      ['device_meta:', 3],
    ]);
    expect(branches[1]?.branches.map((branch) => branch.prefix)).toEqual(['device_meta:green-']);
    expect(branches[1]?.leaves).toEqual([{ key: 'device_meta:red-1' }]);
  });

  it('loses none, however many and however odd, and lists no more than a screenful at once', () => {
    const keys = [
      ...Array.from({ length: 1_200 }, (_, number) => `device_meta:sensor-${String(number).padStart(4, '0')}|Bed ${number % 7}`),
      ...Array.from({ length: 300 }, (_, number) => `response:${(number * 2_654_435_761).toString(36)}`),
      'device_meta:',
      'device_meta:温室🌱',
      'device_meta:温室🌿',
      'x',
    ];
    const tree = treeOf(entriesOf(keys));
    expect(keysIn(tree).sort()).toEqual([...new Set(keys)].sort());
    const widest = (branch: Branch<unknown>): number =>
      Math.max(branch.leaves.length + branch.branches.length, ...branch.branches.map(widest));
    expect(widest(tree)).toBeLessThan(60);
    const check = (branch: Branch<{ key: string }>): void => {
      expect(keysIn(branch).every((key) => key.startsWith(branch.prefix))).toBe(true);
      branch.branches.forEach(check);
    };
    check(tree);
  });
});

describe('copied requests', () => {
  const target = { ids: [`it's`, '"odd" \\ $HOME `id`', 'ü\n|x'] };

  it('are GraphQL with what was named', () => {
    const document = JSON.stringify(parse(asGraphQL(target)));
    for (const id of target.ids) expect(document).toContain(JSON.stringify(id));
  });

  it('are one command, in which a shell replaces only the token', () => {
    const words = execFileSync('sh', ['-c', `printf '%s\\n' ${asCurl(target, 'http://a').replace(/^curl/, '')}`], {
      env: { TOKEN: 'secret', HOME: '/x' },
      encoding: 'utf8',
    });
    const body = JSON.parse(words.slice(words.indexOf('{'))) as { query: string };
    expect(JSON.stringify(parse(body.query))).toContain(JSON.stringify(target.ids[1]));
    expect(words).toContain('authorization: Bearer secret');
  });
});

it('explains what became of a purge', () => {
  const applied = {
    id: 'i',
    status: 'APPLIED',
    pattern: '*',
    matched: 1_204,
    removed: 1_204,
    requestedAt: '',
    appliedAt: '',
    elapsedMs: 6,
    pods: { live: 4, acknowledged: 3, expired: 1 },
  } as never;
  expect(outcomeOf(applied)).toMatchObject({
    tone: 'good',
    figures: '3 of 4 live pods acknowledged, 1 had lost its lease · 6 ms · 1,204 keys matched, all freed',
  });
});

it('writes figures', () => {
  expect([words.amount(1, 'key'), words.amount(1_204, 'key'), words.count(null)]).toEqual(['1 key', '1,204 keys', '–']);
  expect([0, 512, 1_536, 64 * 1_048_576].map(words.bytes)).toEqual(['0 B', '512 B', '1.5 KiB', '64.0 MiB']);
  expect([6, 1_400, 12_000, 180_000, 7_200_000, 259_200_000].map(words.duration)).toEqual([
    '6 ms',
    '1.4 s',
    '12 s',
    '3 min',
    '2 h',
    '3 d',
  ]);
  expect([0, 0.25, 3.44, 1_204.4].map(words.perSecond)).toEqual(['0', '0.3', '3.4', '1,204']);
  expect(words.literal('a*?[b]\\')).toBe('a\\*\\?\\[b\\]\\\\');
});
