/**
 * Reads `DEVICES_FILE`, a `mongoexport` of `Users` in Extended JSON, canonical or relaxed: a document on each line, or an array of
 * them. A file that can't be read whole is an error that says where it is broken, and never quotes the file, which holds secrets.
 * Called at start.
 */
import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { lineOfSyntaxError } from './json-syntax.js';
import { readUser, type User } from './user-document.js';

/** Only what is read is checked; other fields may be there. */
const DOCUMENT = z.object({
  _id: z.unknown().optional(),
  api_keys: z
    .array(
      z.object({
        key: z.string().nullish(),
        device_id: z.string(),
        device_name: z.string(),
        description: z.string().nullish(),
        private_data: z.boolean().nullish(),
      }),
    )
    .optional(),
});

/** @throws Error for the operator's eyes, naming the file and the line, or the element of an array. */
export async function readDevicesFile(path: string): Promise<User[]> {
  const file = `DEVICES_FILE ${path}`;
  const { BSON } = await import('mongodb');
  const users = new Map<string, { readonly user: User; readonly place: string }>();
  for (const { place, json } of parse(await readText(path, file), file)) {
    const user = toUser(json, `${file}, ${place}`, (document) => BSON.EJSON.deserialize(document) as unknown);
    const earlier = users.get(user.owner);
    if (earlier) throw new Error(`${file}, ${place}: has the same _id as ${earlier.place}.`);
    users.set(user.owner, { user, place });
  }
  return [...users.values()].map(({ user }) => user);
}

async function readText(path: string, file: string): Promise<string> {
  const bytes = await readFile(path).catch((error: unknown) => {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new Error(`${file} can't be read: ${why}.`, { cause: error });
  });
  if (!isUtf8(bytes)) throw new Error(`${file} is not UTF-8 text.`);
  return bytes.toString().replace(/^\ufeff/, '');
}

interface Placed {
  /** `line 3` or `element 3`. */
  readonly place: string;
  readonly json: unknown;
}

function parse(text: string, file: string): Placed[] {
  if (text.trimStart().startsWith('[')) {
    const elements = parseJson(text, () => `${file}, line ${String(lineOfSyntaxError(text))}`) as unknown[];
    return elements.map((json, index) => ({ place: `element ${String(index + 1)}`, json }));
  }
  return text
    .split('\n')
    .map((line, index) => ({ line, place: `line ${String(index + 1)}` }))
    .filter(({ line }) => line.trim() !== '')
    .map(({ line, place }) => ({ place, json: parseJson(line, () => `${file}, ${place}`) }));
}

function parseJson(text: string, place: () => string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not as the cause: its message quotes the file.
    throw new Error(`${place()}: is not valid JSON. Expected is one document a line, or one array (mongoexport --jsonArray).`);
  }
}

function toUser(json: unknown, place: string, deserialize: (json: object) => unknown): User {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error(`${place}: is not a document.`);
  let document: unknown;
  try {
    document = deserialize(json);
  } catch {
    // Not as the cause either.
    throw new Error(`${place}: is not valid Extended JSON. Look at its $binary, $uuid, $date and $number… values.`);
  }
  const parsed = DOCUMENT.safeParse(document);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`${place}: ${problems.join('; ')}.`);
  }
  const user = readUser(parsed.data);
  if (!user) throw new Error(`${place}: _id: is not a UUID ($binary of subType 04, or $uuid).`);
  return user;
}
