/** What requests are known by before anybody has read them: an alias is of exactly those bytes, however alike others are. Pure logic. */
import { crc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import { type Alias, Aliases, type RequestVariant } from '../../src/response-cache/aliases.js';

const POST: RequestVariant = { method: 'POST', accept: undefined, contentType: 'application/json', isPreflighted: false };
const aliasOf = (canonical: string): Alias => ({ canonical, contentType: 'application/json', operationName: undefined });

/** As a request teaches it that Apollo Server has answered. */
function learn(aliases: Aliases, variant: RequestVariant, bytes: Buffer | string, canonical: string): void {
  aliases.learn(aliases.find(variant, bytes).name, aliasOf(canonical));
}

function knownAs(aliases: Aliases, variant: RequestVariant, bytes: Buffer | string): string | undefined {
  return aliases.find(variant, bytes).alias?.canonical;
}

/** Two long requests with one CRC-32. */
function collision(): [string, string] {
  const seen = new Map<number, string>();
  for (let i = 0; ; i++) {
    const text = `${i} `.padEnd(600, String(i));
    const other = seen.get(crc32(text));
    if (other !== undefined) return [other, text];
    seen.set(crc32(text), text);
  }
}

it.each([0, 1, 512, 513, 3_000, 65_536, 65_537, 1_000_000])('%s bytes are known again, and none that differ', (length) => {
  const text = 'a'.repeat(length);
  for (const bytes of [text, Buffer.from(text)]) {
    const aliases = new Aliases();
    expect(knownAs(aliases, POST, bytes)).toBeUndefined();
    learn(aliases, POST, bytes, 'it');
    for (let i = 0; i < 3; i++) expect(knownAs(aliases, POST, Buffer.from(text))).toBe('it');
    expect(knownAs(aliases, POST, `${text}a`)).toBeUndefined();
    expect(knownAs(aliases, POST, Buffer.from(`${text}a`))).toBeUndefined();
    expect(knownAs(aliases, { ...POST, accept: '*/*' }, bytes)).toBeUndefined();
  }
});

it.each<[string, (text: string) => string | Buffer]>([
  ['texts', (text) => text],
  ['bytes', (text) => Buffer.from(text)],
])('%s with one checksum are two requests', (_kind, make) => {
  const aliases = new Aliases();
  const [one, two] = collision().map((text) => make(text)) as [string | Buffer, string | Buffer];
  learn(aliases, POST, one, 'one');
  for (let i = 0; i < 2; i++) {
    expect(knownAs(aliases, POST, one)).toBe('one');
    expect(knownAs(aliases, POST, two)).toBeUndefined();
  }
  learn(aliases, POST, two, 'two');
  for (let i = 0; i < 3; i++) {
    expect(knownAs(aliases, POST, one)).toBe('one');
    expect(knownAs(aliases, POST, two)).toBe('two');
  }
});

it('bytes that change after they were looked up are other bytes', () => {
  const aliases = new Aliases();
  const bytes = Buffer.alloc(1_000, 'a');
  learn(aliases, POST, bytes, 'it');
  expect(knownAs(aliases, POST, bytes)).toBe('it');
  bytes[500] = 0x62;
  expect(knownAs(aliases, POST, bytes)).toBeUndefined();
  expect(knownAs(aliases, POST, Buffer.alloc(1_000, 'a'))).toBe('it');
});

it('a request under way teaches nothing to other kinds, however many there are', () => {
  const aliases = new Aliases();
  const kind = (accept: string, isPreflighted = false): RequestVariant => ({
    method: 'GET',
    accept,
    contentType: undefined,
    isPreflighted,
  });
  const { name } = aliases.find(kind('*/*', true), '?query={hello}');
  const others = Array.from({ length: 2_000 }, (_, i) => kind(`application/json;q=${i}`));
  for (const other of others) aliases.find(other, '?query={hello}'); // many more than are remembered
  aliases.learn(name, aliasOf('of the first'));
  for (const other of others) expect(aliases.find(other, '?query={hello}').alias).toBeUndefined();
});
