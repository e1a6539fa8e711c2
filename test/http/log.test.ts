/** The logger itself: levels, the cutting down of errors, and the net for secrets. */
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/errors.js';
import { createLogger, withoutCredentials } from '../../src/log.js';

function logging(log: (logger: ReturnType<typeof createLogger>) => void, logLevel: 'info' | 'silent' = 'info') {
  const lines: string[] = [];
  log(createLogger({ production: true, logLevel }, { write: (line) => lines.push(line) }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl';

it('writes a line of JSON from the configured level on', () => {
  const lines = logging((logger) => {
    logger.debug('not this');
    logger.info({ pods: 3 }, 'this');
  });
  expect(lines).toEqual([{ level: 30, time: expect.any(Number), pods: 3, msg: 'this' }]);
  expect(logging((logger) => logger.fatal('not this'), 'silent')).toEqual([]);
});

describe('an error', () => {
  const cause = Object.assign(new Error('connect ECONNREFUSED 10.0.0.7'), { code: 'ECONNREFUSED', address: '10.0.0.7' });
  const error = Object.assign(new TypeError('no answer', { cause }), { options: { password: 'hunter2' } });

  it('is cut down to name, code, message and causes', () => {
    const [line] = logging((logger) => {
      logger.warn({ err: error }, 'failed');
    });
    expect(line).toEqual({
      level: 40,
      time: expect.any(Number),
      err: { name: 'TypeError', message: 'no answer', cause: { name: 'Error', code: 'ECONNREFUSED', message: cause.message } },
      msg: 'failed',
    });
  });

  it('has its stack where nobody expected it, without the message in it', () => {
    const [line] = logging((logger) => {
      logger.error({ err: error }, 'failed');
    });
    const { stack } = line?.err as { stack: string };
    expect(stack).toMatch(/^ {4}at .*log\.test\.ts/);
    expect(stack).not.toContain('no answer');
  });

  it('may be one of ours, or no error at all', () => {
    const lines = logging((logger) => {
      logger.warn({ err: new CodedError('CACHE_UNAVAILABLE', 'Redis is away.') });
      logger.error({ err: 'hunter2' });
      logger.error(new Error('by itself'));
    });
    expect(lines.map(({ err }) => err)).toEqual([
      { name: 'CodedError', code: 'CACHE_UNAVAILABLE', message: 'Redis is away.' },
      { message: 'not an error: string' },
      expect.objectContaining({ name: 'Error', message: 'by itself' }),
    ]);
  });

  it('does not run in circles, nor on for ever', () => {
    const circular = new Error('circle');
    circular.cause = circular;
    const [line] = logging((logger) => {
      logger.warn({ err: circular });
      logger.warn({ err: new Error('x'.repeat(100_000)) });
    });
    expect(JSON.stringify(line).length).toBeLessThan(500);
  });
});

describe('secrets', () => {
  it('are taken out of every line, wherever they stand', () => {
    const url = 'mongodb://user:hunter2@10.0.0.7:27017,10.0.0.8/default';
    const lines = logging((logger) => {
      logger.info(`connecting to ${url}`);
      logger.warn({ err: new Error(`failed: ${url}`, { cause: new Error(url) }) });
      logger.error({ err: new Error(`failed: ${url}`), source: { deep: { down: [url] } } });
      logger.info({ any: { where: `redis://:hunter2@host` } }, `Bearer ${TOKEN}`);
      logger.info({ token: 'hunter2', request: { headers: { cookie: 'hunter2' }, body: 'hunter2' }, apiKey: 'hunter2' });
    });
    expect(JSON.stringify(lines)).not.toMatch(/hunter2|eyJ/);
    expect(lines[0]?.msg).toBe('connecting to mongodb://***@10.0.0.7:27017,10.0.0.8/default');
  });

  it.each([
    ['redis://default:p%40ss@host:6379/0', 'redis://***@host:6379/0'],
    ['mongodb+srv://u:p@ss@host', 'mongodb+srv://***@host'],
    ['rediss://:secret@a:1,rediss://:secret@b:2', 'rediss://***@a:1,rediss://***@b:2'],
    ['authorization: bearer abc.def', 'authorization: bearer ***'],
    [`token ${TOKEN}.`, 'token ***.'],
    ['https://host/path?mail=a@b', 'https://host/path?mail=a@b'],
    ['{"a":"http://host","b":"me@host"}', '{"a":"http://host","b":"me@host"}'],
    ['eyJust a word', 'eyJust a word'],
  ])('%s', (text, expected) => {
    expect(withoutCredentials(text)).toBe(expected);
  });
});
