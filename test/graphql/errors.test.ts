/** What a client gets to read of every kind of error, and what of it gets into the log. */
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/errors.js';
import { REQUEST_ID, startApollo, type Answer, type ApolloOptions } from './apollo.js';

const first = ({ body }: Answer) => body.errors?.[0];
const throwing = (error: unknown): ApolloOptions => ({
  resolvers: {
    'Query.device': () => {
      throw error;
    },
  },
});

describe('errors of a resolver', () => {
  it('keep code and message when they are meant for the client', async () => {
    const error = new CodedError('DATABASE_UNAVAILABLE', 'The database can not be asked.', {
      cause: new Error('mongodb://u:p@h'),
    });
    const apollo = await startApollo(throwing(error));
    const { status, body, text } = await apollo.post({ query: '{ device(id: "x") { id } viewer { id } }' });
    expect(status).toBe(200);
    expect(body).toEqual({
      data: { device: null, viewer: null },
      errors: [
        {
          message: 'The database can not be asked.',
          path: ['device'],
          locations: [{ line: 1, column: 3 }],
          extensions: { code: 'DATABASE_UNAVAILABLE', requestId: REQUEST_ID },
        },
      ],
    });
    expect(text).not.toContain('mongodb://');
    expect(apollo.logs).toEqual([]);
  });

  it.each([
    ['an error of a driver', new Error('E11000 duplicate key error collection: default.Users')],
    ['one with a code of its own', Object.assign(new Error('E11000 duplicate'), { code: 11000, extensions: { secret: 1 } })],
    ['what is no error', 'E11000 as a string'],
    ['null', null],
  ])('become one text for %s, which goes into the log', async (_name, error) => {
    const apollo = await startApollo(throwing(error));
    const answer = await apollo.post({ query: '{ device(id: "x") { id } }' });
    expect(answer.status).toBe(200);
    expect(first(answer)).toEqual({
      message: 'Internal server error',
      path: ['device'],
      locations: [{ line: 1, column: 3 }],
      extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: REQUEST_ID },
    });
    expect(answer.text).not.toMatch(/E11000|stack|secret/);
    expect(apollo.logs).toHaveLength(1);
    expect(JSON.parse(apollo.logs[0]!)).toMatchObject({ requestId: REQUEST_ID, path: 'device', level: 50 });
  });

  it('are logged once each, however many fields fail with them', async () => {
    const apollo = await startApollo(throwing(new Error('the batch failed')));
    await apollo.post({ query: '{ a: device(id: "x") { id } b: device(id: "y") { id } c: device(id: "z") { id } }' });
    expect(apollo.logs).toHaveLength(1);
    expect(apollo.logs[0]).toContain('the batch failed');
  });

  it('tell nothing of a value that does not fit its type', async () => {
    const apollo = await startApollo({ resolvers: { 'Query.device': () => ({ id: 'x', name: null, visibility: 'SECRET' }) } });
    const answer = await apollo.post({ query: '{ a: device(id: "x") { name } b: device(id: "x") { visibility } }' });
    expect(answer.body.errors?.map(({ message, extensions }) => [message, extensions.code])).toEqual([
      ['Internal server error', 'INTERNAL_SERVER_ERROR'],
      ['Internal server error', 'INTERNAL_SERVER_ERROR'],
    ]);
    expect(answer.text).not.toContain('SECRET');
  });
});

describe('errors of a request', () => {
  const register = 'mutation ($input: RegisterDeviceInput!) { registerDevice(input: $input) { apiKey } }';
  it.each<[string, Record<string, unknown>, number, string]>([
    ['syntax', { query: '{ device(' }, 400, 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', { query: '{ devise(id: "x") { id } }' }, 400, 'GRAPHQL_VALIDATION_FAILED'],
    ['an unknown argument', { query: '{ device(ids: "x") { id } }' }, 400, 'GRAPHQL_VALIDATION_FAILED'],
    ['an unknown type', { query: 'query ($id: IDs!) { device(id: $id) { id } }' }, 400, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'an enum value',
      { query: register, variables: { input: { deviceId: 'a', name: 'b', visibility: 'PUBLIK' } } },
      400,
      'BAD_USER_INPUT',
    ],
    ['an input field', { query: register, variables: { input: { deviceId: 'a', nam: 'b' } } }, 400, 'BAD_USER_INPUT'],
    [
      'an operation that is not there',
      { query: 'query A { viewer { id } }', operationName: 'B' },
      400,
      'OPERATION_RESOLUTION_FAILURE',
    ],
    [
      'several operations and no name',
      { query: 'query A { viewer { id } } query B { viewer { id } }' },
      400,
      'OPERATION_RESOLUTION_FAILURE',
    ],
    ['no query', { variables: {} }, 400, 'BAD_REQUEST'],
    ['variables that are no object', { query: '{ viewer { id } }', variables: [] }, 400, 'BAD_REQUEST'],
    [
      'a persisted query of an unknown version',
      { extensions: { persistedQuery: { version: 2, sha256Hash: 'a'.repeat(64) } } },
      400,
      'BAD_REQUEST',
    ],
    [
      'a persisted query under a false hash',
      { query: '{ viewer { id } }', extensions: { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } } },
      400,
      'BAD_REQUEST',
    ],
    ['a persisted query that is a text', { extensions: { persistedQuery: 'x' } }, 400, 'BAD_REQUEST'],
    ['a persisted query that is null', { extensions: { persistedQuery: null } }, 400, 'BAD_REQUEST'],
    [
      'a persisted query that is unknown',
      { extensions: { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } } },
      200,
      'PERSISTED_QUERY_NOT_FOUND',
    ],
  ])('have a code and suggest nothing: %s', async (_name, body, status, code) => {
    const apollo = await startApollo();
    const answer = await apollo.post(body);
    expect(answer.status).toBe(status);
    expect(answer.body.errors?.length).toBeGreaterThan(0);
    for (const { message, extensions } of answer.body.errors ?? []) {
      expect(extensions).toEqual({ code, requestId: REQUEST_ID });
      expect(message).not.toMatch(/did you mean/i);
      expect(message).not.toBe('');
    }
    expect(answer.text).not.toMatch(/stacktrace|node_modules|"device"|"PUBLIC"/);
    expect(apollo.resolved).toEqual([]);
    expect(apollo.logs).toEqual([]);
  });

  it('name a variable that is null where it can not be, at its field', async () => {
    const apollo = await startApollo();
    const query = 'query ($first: Int = 5) { deviceListing(first: $first) { edges { cursor } } viewer { id } }';
    const { status, body } = await apollo.post({ query, variables: { first: null } });
    expect(status).toBe(200);
    expect(body.data).toEqual({ deviceListing: null, viewer: null });
    expect(body.errors).toMatchObject([
      { path: ['deviceListing'], extensions: { code: 'BAD_USER_INPUT', requestId: REQUEST_ID } },
    ]);
    expect(apollo.resolved).toEqual(['viewer']);
  });

  it('refuse a batch of requests', async () => {
    const apollo = await startApollo();
    const answer = await apollo.post([{ query: '{ viewer { id } }' }] as never);
    expect(answer.status).toBe(400);
    expect(first(answer)?.extensions).toEqual({ code: 'BAD_REQUEST', requestId: REQUEST_ID });
  });

  it('refuse a mutation by GET', async () => {
    const apollo = await startApollo();
    const answer = await apollo.get(`?query=${encodeURIComponent('mutation { clearCache { id } }')}`);
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('POST');
    expect(first(answer)?.extensions).toEqual({ code: 'BAD_REQUEST', requestId: REQUEST_ID });
    expect(apollo.resolved).toEqual([]);
  });

  it('refuse what another site can make a browser send', async () => {
    const apollo = await startApollo();
    const answer = await apollo.get('?query={viewer{id}}', {});
    expect(answer.status).toBe(400);
    expect(first(answer)?.extensions).toEqual({ code: 'BAD_REQUEST', requestId: REQUEST_ID });
    expect((await apollo.get('?query={viewer{id}}')).status).toBe(200);
  });
});
