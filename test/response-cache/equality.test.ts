/** Every cached answer, header by header, is what the same caller gets of a server that caches nothing (P4). */
import type { Agent } from 'node:http';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { startServer, type ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import { cacheStatus, comparable, type Exchange, exchange, get, keepAliveAgent, post, type Request } from './exchange.js';
import { bearer, callers, type Callers, gardenEnvironment, IDS, OWNER } from './garden.js';
import { REQUESTS } from './requests.js';

const SEED = 20_261_124;
/** However slow the machine is. */
const SECONDS = 12;

let caching: ServerProcess;
let plain: ServerProcess;
let agent: Agent;
let who: Callers;

beforeAll(async () => {
  const env = { ...gardenEnvironment(), SURROGATE_KEYS: 'the secret of digests' };
  // As off as it can be: no response, and memory for persisted queries alone.
  const off = {
    CACHE_RESPONSE_TTL_SECONDS: '0',
    CACHE_TTL_SECONDS: '1',
    CACHE_NEGATIVE_TTL_SECONDS: '1',
    CACHE_L1_MAX_BYTES: '1',
  };
  [caching, plain] = await Promise.all([startServer(env), startServer({ ...env, ...off })]);
  agent = keepAliveAgent();
  who = await callers();
});

const ask = (server: ServerProcess, request: Request, caller: object): Promise<Exchange> =>
  exchange(agent, server.url, { ...request, headers: { ...request.headers, ...caller } });

const change = (query: string, caller: keyof Callers) => ({ query, caller });
const CHANGES = {
  describe: change('mutation { updateDevice(id: "pub|Public", input: { description: "said anew" }) { device { id } } }', 'owner'),
  'describe again': change(
    'mutation { updateDevice(id: "pub|Public", input: { description: "and again" }) { device { id } } }',
    'owner',
  ),
  hide: change('mutation { updateDevice(id: "pub|Public", input: { visibility: PRIVATE }) { device { id } } }', 'owner'),
  show: change('mutation { updateDevice(id: "pub|Public", input: { visibility: PUBLIC }) { device { id } } }', 'owner'),
  'show a private one': change(
    'mutation { updateDevice(id: "theirs", input: { visibility: PUBLIC }) { device { id } } }',
    'other',
  ),
  'hide it again': change('mutation { updateDevice(id: "theirs", input: { visibility: PRIVATE }) { device { id } } }', 'other'),
  remove: change('mutation { removeDevice(id: "gone|Gone") { removedId } }', 'owner'),
  register: change('mutation { registerDevice(input: { deviceId: "gone", name: "Gone" }) { device { id } } }', 'owner'),
  'let another register': change(
    'mutation { registerDevice(input: { deviceId: "none", name: "None" }) { device { id } } }',
    'other',
  ),
  'let another remove': change('mutation { removeDevice(id: "none|None") { removedId } }', 'other'),
  'purge devices': change('mutation { invalidateDevices(ids: ["pub", "none"]) { status } }', 'admin'),
  'purge a pattern': change('mutation { invalidateCache(pattern: "device_meta:p*") { status } }', 'admin'),
  'purge responses': change('mutation { invalidateCache(pattern: "response:*") { status } }', 'admin'),
  'purge all': change('mutation { clearCache { status } }', 'admin'),
} as const;

interface Read {
  readonly request: string;
  readonly id: string;
  readonly caller: keyof Callers;
  /** The first finds nothing, the second what is in memory, the third what is in its main part. */
  readonly times: number;
}
type Step = Read | { readonly change: keyof typeof CHANGES };

const anyRead = fc.record({
  request: fc.constantFrom(...Object.keys(REQUESTS)),
  id: fc.constantFrom(...IDS),
  caller: fc.constantFrom(
    'anonymous',
    'owner',
    'other',
    'admin',
    'service',
    'device',
    'passingDevice',
    'expired',
    'removedKey',
    'twice',
    'tokenAndKey',
  ),
  times: fc.integer({ min: 1, max: 3 }),
});
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: anyRead },
  { weight: 1, arbitrary: fc.record({ change: fc.constantFrom(...(Object.keys(CHANGES) as (keyof typeof CHANGES)[])) }) },
);

/** How often each kind of `cache-status` was seen. */
const seen = new Map<string, number>();

async function take(step: Step): Promise<void> {
  if ('change' in step) {
    const { query, caller } = CHANGES[step.change];
    const [one, other] = await Promise.all([
      ask(caching, post({ query }), who[caller]),
      ask(plain, post({ query }), who[caller]),
    ]);
    expect(comparable(one)).toEqual(comparable(other));
    return;
  }
  const request = REQUESTS[step.request]!(step.id);
  const uncached = comparable(await ask(plain, request, who[step.caller]));
  expect({ ...step, status: uncached.status }).not.toEqual({ ...step, status: 500 });
  for (let i = 0; i < step.times; i++) {
    const answer = await ask(caching, request, who[step.caller]);
    const kind = cacheStatus(answer) ?? 'none';
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    expect({ ...step, ...comparable(answer) }).toEqual({ ...step, ...uncached });
  }
}

it('is equal for each request, cold and warm, whoever asks at the same time', { timeout: 120_000 }, async () => {
  for (const request of Object.keys(REQUESTS)) {
    const all = Object.keys(who) as (keyof Callers)[];
    await Promise.all(all.map((caller) => take({ request, id: 'priv|Private', caller, times: 2 })));
  }
});

it('is equal in any order, with changes and invalidations in between', { timeout: 120_000 }, async () => {
  const endsAt = performance.now() + 1_000 * SECONDS;
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 10, maxLength: 60, size: 'max' }), async (steps) => {
      for (const step of steps) if (performance.now() < endsAt) await take(step);
    }),
    { seed: SEED, numRuns: 60, endOnFailure: true },
  );
  expect(seen.get('hit; ttl=n; detail=l1')).toBeGreaterThan(100);
  expect(seen.get('fwd=miss; stored')).toBeGreaterThan(100);
});

it('is refused from the moment on at which a token expires, whatever is stored', async () => {
  const query = post({ query: '{ device(id: "priv|Private") { id } }' });
  const lasting = { authorization: await bearer(OWNER, []) };
  const short = { authorization: await bearer(OWNER, [], -3) }; // with the tolerance of 5 s it has two more
  expect((await ask(caching, query, lasting)).status).toBe(200);
  const answer = await ask(caching, query, short);
  expect([answer.status, cacheStatus(answer)]).toEqual([200, 'hit; ttl=n; detail=l1']); // the same caller
  await waitFor(async () => (await ask(plain, query, short)).status === 401);
  const refused = await ask(caching, query, short);
  expect(comparable(refused)).toEqual(comparable(await ask(plain, query, short)));
  expect(refused.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
  expect(cacheStatus(await ask(caching, query, lasting))).toBe('hit; ttl=n; detail=l1');
});

it('is another with other permissions, from the moment on at which the token says so', async () => {
  const query = post({ query: '{ device(id: "theirs|Theirs") { id } }' });
  const [without, permitted] = [
    { authorization: await bearer(OWNER, []) },
    { authorization: await bearer(OWNER, ['devices:read']) },
  ];
  await ask(caching, post({ query: CHANGES['hide it again'].query }), who.other);
  for (const [caller, body] of [
    [without, '{"data":{"device":null}}\n'],
    [permitted, '{"data":{"device":{"id":"theirs|Theirs"}}}\n'],
  ] as const) {
    for (const status of ['fwd=miss; stored', 'hit; ttl=n; detail=l1']) {
      const answer = await ask(caching, query, caller);
      expect([answer.body, cacheStatus(answer)]).toEqual([body, status]);
    }
  }
});

it.each(['anonymous', 'owner', 'device'] as const)(
  'is alike for a hidden and an absent device, cold and warm (%s)',
  async (caller) => {
    await ask(caching, post({ query: CHANGES['hide it again'].query }), who.other);
    await ask(caching, post({ query: CHANGES['purge all'].query }), who.admin);
    const one = (id: string) => [
      post({ query: `{ device(id: "${id}") { id } }` }),
      get({ query: `{ devices(ids: ["pub", "${id}"]) { id } }` }),
      get({ query: `{ device(id: "${id}") { id visibility } }` }, { origin: 'https://studio.apollographql.com' }),
    ];
    const [hidden, absent] = [one('theirs|Theirs'), one('unheard|Of')];
    for (const [i, request] of hidden.entries()) {
      for (const status of ['fwd=miss; stored', 'hit; ttl=n; detail=l1', 'hit; ttl=n; detail=l1']) {
        const answers = [await ask(caching, request, who[caller]), await ask(caching, absent[i]!, who[caller])];
        const ofAnswer = answers.map((answer) => {
          const { headers, body } = comparable(answer);
          const { 'surrogate-key': digests, ...others } = headers; // of names that hold the id
          return { body, others, digests: digests?.split(' ').length, status: cacheStatus(answer), age: answer.headers.age };
        });
        expect(ofAnswer[0]).toEqual(ofAnswer[1]);
        expect(ofAnswer[0]!.status).toBe(status);
        expect(answers[0]!.body).toContain('null');
      }
    }
  },
);
