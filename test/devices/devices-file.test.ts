/** Reading `DEVICES_FILE`: every form that mongoexport writes, and where a broken one is said to be broken. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BSON } from 'mongodb';
import { beforeEach, describe, expect, inject, it } from 'vitest';
import { readDevicesFile } from '../../src/devices/devices-file.js';
import { EmbeddedDeviceStore } from '../../src/devices/embedded.store.js';
import { lineOfSyntaxError } from '../../src/devices/json-syntax.js';
import { ANNA, BERT, CLEO, document, key, stored } from '../contract/device-store-fixtures.js';

const USERS = [
  stored(document(ANNA, key('a', 'Bed', { description: 'Peas', key: 'secret' }), key('b', 'Bed', { private_data: true }))),
  {
    ...stored(document(BERT, key('gewächshaus', '温室 🌱'))),
    since: new Date(0),
    seats: BSON.Long.fromNumber(2 ** 40),
    note: '[{"\\',
  },
  stored(document(CLEO)),
];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(inject('runDirectory'), 'devices-file-'));
});

function write(content: string | Uint8Array): string {
  const path = join(folder, 'users.json');
  writeFileSync(path, content);
  return path;
}

async function problem(content: string | Uint8Array): Promise<string> {
  const path = write(content);
  const error: unknown = await readDevicesFile(path).then(
    () => new Error('the file was read'),
    (reason: unknown) => reason,
  );
  const { message } = error as Error;
  expect(message).toContain(path);
  return message.replaceAll(`DEVICES_FILE ${path}`, 'FILE');
}

function line(user: object, relaxed = true): string {
  return BSON.EJSON.stringify(user, { relaxed });
}

function pretty(users: readonly object[]): string {
  return BSON.EJSON.stringify(users, undefined, 2, { relaxed: true });
}

describe('reads', () => {
  const lines = (relaxed: boolean) => USERS.map((user) => line(user, relaxed)).join('\n');
  const forms: Record<string, string> = {
    'relaxed Extended JSON, a document a line': `${lines(true)}\n`,
    'canonical Extended JSON': `${lines(false)}\n`,
    'no line end at the end': lines(true),
    'lines of Windows and empty ones': `\r\n${lines(true).replaceAll('\n', '\r\n\r\n  \r\n')}\r\n\r\n`,
    'a byte order mark': `\ufeff${lines(true)}`,
    'an array on one line': `[${USERS.map((user) => line(user)).join(',')}]`,
    'an array with a document a line, as mongoexport --jsonArray': `[${USERS.map((user) => line(user, false)).join(',\n')}]\n`,
    'a pretty array': `\ufeff\n${pretty(USERS).replaceAll('\n', '\r\n')}`,
    'UUIDs as $uuid': lines(true).replaceAll(/\{"\$binary":\{"base64":"(.{24})","subType":"04"\}\}/g, (_, base64: string) => {
      const hex = Buffer.from(base64, 'base64').toString('hex');
      return `{"$uuid":"${hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}"}`;
    }),
  };
  it.each(Object.keys(forms))('%s', async (form) => {
    const store = new EmbeddedDeviceStore(await readDevicesFile(write(forms[form]!)));
    const { devices } = await store.listDevices({ scope: { kind: 'all' }, first: 10 });
    expect(devices).toEqual([
      { owner: ANNA, deviceId: 'a', name: 'Bed', description: 'Peas', isPrivate: true, deviceIds: ['a', 'b'] },
      { owner: ANNA, deviceId: 'b', name: 'Bed', description: '', isPrivate: true, deviceIds: ['a', 'b'] },
      { owner: BERT, deviceId: 'gewächshaus', name: '温室 🌱', description: '', isPrivate: false, deviceIds: ['gewächshaus'] },
    ]);
    expect((await store.findApiKeys(['secret'])).get('secret')).toEqual({ owner: ANNA, deviceId: 'a', name: 'Bed' });
  });

  it.each(['', '\n', '[]', '\ufeff'])('no users from %j', async (content) => {
    expect(await readDevicesFile(write(content))).toEqual([]);
  });

  it('users and keys from which something is missing', async () => {
    const { _id } = stored({ _id: ANNA });
    const [anna, bert] = await readDevicesFile(
      write(
        `${line({ _id, api_keys: [{ device_id: 'a', device_name: 'Bed', description: null }] })}\n${line({ _id: stored({ _id: BERT })._id })}`,
      ),
    );
    expect(anna?.keys).toEqual([{ apiKey: undefined, deviceId: 'a', name: 'Bed', description: '', isPrivate: false }]);
    expect(bert).toMatchObject({ owner: BERT, keys: [] });
  });
});

describe('says where it is broken:', () => {
  const good = line(USERS[0]!);
  const other = line(USERS[1]!);
  const NOT_JSON = 'is not valid JSON. Expected is one document a line, or one array (mongoexport --jsonArray).';

  it.each([
    ['cut off', `${good}\n${other.slice(0, -1)}\n`],
    ['two documents on a line', `${good}\n${other}${other}`],
    ['no JSON at all', `${good}\nsecret`],
    ['a comma after a document', `${good}\n${other},`],
  ])('a line, %s', async (_what, content) => {
    expect(await problem(content)).toBe(`FILE, line 2: ${NOT_JSON}`);
  });

  it('counts empty lines and lines of Windows', async () => {
    expect(await problem(`\r\n${good}\r\n\r\n{`)).toBe(`FILE, line 4: ${NOT_JSON}`);
  });

  it('the line of a syntax error in an array', async () => {
    const lines = pretty(USERS).split('\n');
    for (const [index, text] of lines.entries()) {
      if (!text.includes('"device_id":')) continue;
      const broken = lines.with(index, text.replace(':', ''));
      expect(await problem(broken.join('\n'))).toBe(`FILE, line ${String(index + 1)}: ${NOT_JSON}`);
    }
    expect(await problem(lines.slice(0, -1).join('\n'))).toBe(`FILE, line ${String(lines.length - 1)}: ${NOT_JSON}`);
  });

  it.each([
    ['an `_id` that is no UUID', { _id: 'anna', api_keys: [] }, '_id: is not a UUID'],
    ['an `_id` of a subtype that is no UUID', stored({ _id: { subtype: 3, uuid: ANNA } }), '_id: is not a UUID'],
    ['no `_id`', { api_keys: [] }, '_id: is not a UUID'],
    ['keys that are no array', stored({ _id: ANNA, api_keys: {} }), 'api_keys: '],
    ['a key without device id', stored(document(ANNA, key('a', 'Bed'), { device_name: 'Bed' })), 'api_keys.1.device_id: '],
    ['a key without name', stored(document(ANNA, { device_id: 'a' })), 'api_keys.0.device_name: '],
    ['a key that is no document', stored({ _id: ANNA, api_keys: ['a'] }), 'api_keys.0: '],
    [
      'a visibility that is neither',
      stored(document(ANNA, { ...key('a', 'Bed'), private_data: 'no' })),
      'api_keys.0.private_data: ',
    ],
  ])('%s', async (_what, user, expected) => {
    expect(await problem(`${other}\n\n${line(user)}`)).toContain(`FILE, line 3: ${expected}`);
    expect(await problem(pretty([USERS[1]!, user]))).toContain(`FILE, element 2: ${expected}`);
  });

  it('two documents with one _id', async () => {
    expect(await problem(`${good}\n${other}\n${good}`)).toBe('FILE, line 3: has the same _id as line 1.');
    expect(await problem(`[${good},${good}]`)).toBe('FILE, element 2: has the same _id as element 1.');
  });

  it('a document that is none', async () => {
    expect(await problem(`${good}\n7`)).toBe('FILE, line 2: is not a document.');
    expect(await problem(`[${good},[]]`)).toBe('FILE, element 2: is not a document.');
  });

  it('values that Extended JSON can not read', async () => {
    const bad = '{"_id":{"$binary":{"base64":7}},"api_keys":[]}';
    expect(await problem(`${good}\n${bad}`)).toContain('FILE, line 2: is not valid Extended JSON.');
    expect(await problem(`[${good},${bad}]`)).toContain('FILE, element 2: is not valid Extended JSON.');
  });

  it('a file that is not UTF-8, and one that is not there', async () => {
    expect(await problem(Buffer.from('\ufeff[]', 'utf16le'))).toBe('FILE is not UTF-8 text.');
    await expect(readDevicesFile(join(folder, 'none.json'))).rejects.toThrow(`${folder}/none.json can't be read: ENOENT.`);
  });

  it('without quoting it', async () => {
    for (const content of [
      `${good}"secret"`,
      `[${good},"secret" "secret"]`,
      good.replace('"Bed"', '7').replace('"a"', '{"$uuid":"secret"}'),
    ]) {
      expect(await problem(content)).not.toContain('secret');
    }
  });
});

describe('finds a syntax error', () => {
  it.each([
    ['[1,\n2,\n]', 3],
    ['[1,\n2\n', 3],
    ['{"a":1,\n"b" 2}', 2],
    ['{"a":1,\n\n"b":\n}', 4],
    ['[\n01]', 2],
    ['[\n"a\nb"]', 2],
    ['["\\x"]', 1],
    ['[1]\n\n[2]', 3],
    ['{\n1:2}', 2],
    ['[\n}', 2],
    ['[1 \n 2]', 2],
    ['[{"a":[{}]},\n{"b":null,\n"c":tru}]', 3],
    [',', 1],
  ])('in %j', (text, expected) => {
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
    expect(lineOfSyntaxError(text)).toBe(expected);
  });
});
