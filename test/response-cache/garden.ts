/** Devices of every kind, and callers of every kind, for servers that each hold them in memory. Called by the test files beside it. */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { BSON, UUID } from 'mongodb';
import { inject } from 'vitest';
import { key } from '../contract/device-store-fixtures.js';

export const OWNER = '0a000000-0000-4000-8000-0000000000ff';
const OTHER = '0b000000-0000-4000-8000-000000000000';
const ADMIN = '0c000000-0000-4000-8000-000000000000';
const JWT_SECRET = 'a secret of these tests, 32 bytes or more';

/** Public ones, private ones of either user, a chain that is private because of one, and none at all. */
export const IDS = ['pub', 'pub|Public', 'priv|Private', 'theirs|Theirs', 'mix-1|Mix', 'gone|Gone', 'none|None', ''] as const;

/** The environment of a server with these devices in its memory. */
export function gardenEnvironment(): Record<string, string> {
  const owners = [
    key('pub', 'Public', { description: 'seen by all' }),
    key('priv', 'Private', { private_data: true }),
    key('mix-1', 'Mix'),
    key('mix-2', 'Mix', { private_data: true }),
    key('gone', 'Gone'),
  ];
  const others = [key('theirs', 'Theirs', { private_data: true }), key('shared', 'Shared')];
  const documents = [user(OWNER, owners), user(OTHER, others)].map((each) => BSON.EJSON.stringify(each, { relaxed: false }));
  const file = join(inject('runDirectory'), `garden-${randomUUID()}.json`);
  writeFileSync(file, documents.join('\n'));
  return { DEVICES_FILE: file, JWT_SECRET, NODE_ENV: 'test' };
}

function user(id: string, api_keys: readonly object[]): object {
  return { _id: new UUID(id), api_keys, commands_issued: [], collection_name: 'FreeTier' };
}

/** @param secondsLeft of its life; servers tolerate five more. */
export async function bearer(subject: string, permissions: readonly string[], secondsLeft = 600): Promise<string> {
  const token = await new SignJWT({ permissions })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject)
    .setExpirationTime(Math.floor(Date.now() / 1000) + secondsLeft)
    .sign(new TextEncoder().encode(JWT_SECRET));
  return `Bearer ${token}`;
}

export interface Callers {
  readonly anonymous: Readonly<Record<string, never>>;
  readonly owner: { readonly authorization: string };
  readonly other: { readonly authorization: string };
  readonly admin: { readonly authorization: string };
  readonly service: { readonly authorization: string };
  readonly device: { readonly 'x-api-key': string };
  /** Of a device that comes and goes. */
  readonly passingDevice: { readonly 'x-api-key': string };
  readonly expired: { readonly authorization: string };
  readonly removedKey: { readonly 'x-api-key': string };
  readonly twice: { readonly authorization: readonly string[] };
  readonly tokenAndKey: { readonly authorization: string; readonly 'x-api-key': string };
}

/** The credentials of every kind of caller. */
export async function callers(): Promise<Callers> {
  const owner = await bearer(OWNER, []);
  const other = await bearer(OTHER, []);
  return {
    anonymous: {},
    owner: { authorization: owner },
    other: { authorization: other },
    admin: { authorization: await bearer(ADMIN, ['devices:read', 'cache:admin']) },
    service: { authorization: await bearer('a service', ['devices:read']) },
    device: { 'x-api-key': 'key of priv|Private' },
    passingDevice: { 'x-api-key': 'key of gone|Gone' },
    expired: { authorization: await bearer(OWNER, [], -60) },
    removedKey: { 'x-api-key': 'key of a device that was removed' },
    twice: { authorization: [owner, other] },
    tokenAndKey: { authorization: other, 'x-api-key': 'key of priv|Private' },
  };
}
