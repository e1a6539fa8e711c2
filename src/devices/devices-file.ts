/**
 * Reads `DEVICES_FILE`, a `mongoexport` of `Users` in Extended JSON, canonical or relaxed: a document on each line, or an array of
 * them. A file that can't be read whole is an error that says where it is broken, and never quotes the file, which holds secrets.
 * Called at start.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { lineOfSyntaxError } from './json-syntax.js';
import { readUser, readUuid, type User } from './user-document.js';

/** Only what is read is checked; other fields may be there. */
const DOCUMENT = z.object({
  _id: z.unknown().refine((value) => readUuid(value) !== undefined, 'is not a UUID (`$binary` of subType 04, or `$uuid`)'),
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
  const text = await readText(path);
  const { BSON } = await import('mongodb');
  const users = new Map<string, { readonly user: User; readonly place: string }>();
  for (const { place, json } of parse(text, path)) {
    const user = toUser(() => BSON.EJSON.deserialize(json) as unknown, `${path}, ${place}`);
    const earlier = users.get(user.owner);
    if (earlier) throw new Error(`${path}, ${place}: has the same _id as ${earlier.place}.`);
    users.set(user.owner, { user, place });
  }
  return [...users.values()].map(({ user }) => user);
}

async function readText(path: string): Promise<string> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
    return text; // The decoder drops a byte order mark.
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'not UTF-8 text';
    throw new Error(`${path} can't be read: ${why}.`, { cause: error });
  }
}

interface Placed {
  /** `line 3` or `element 3`. */
  readonly place: string;
  readonly json: object;
}

function parse(text: string, path: string): Placed[] {
  if (text.trimStart().startsWith('[')) {
    const elements = parseJson(text, () => `${path}, line ${String(lineOfSyntaxError(text))}`) as unknown[];
    return elements.map((json, index) => placed(json, `element ${String(index + 1)}`, path));
  }
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '') return [];
    const place = `line ${String(index + 1)}`;
    return [
      placed(
        parseJson(line, () => `${path}, ${place}`),
        place,
        path,
      ),
    ];
  });
}

function parseJson(text: string, place: () => string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not as the cause: its message quotes the file.
    throw new Error(`${place()}: is not valid JSON. Expected is one document a line, or one array (mongoexport --jsonArray).`);
  }
}

function placed(json: unknown, place: string, path: string): Placed {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error(`${path}, ${place}: is not a document.`);
  return { json, place };
}

function toUser(deserialize: () => unknown, place: string): User {
  let document: unknown;
  try {
    document = deserialize();
  } catch {
    throw new Error(`${place}: is not valid Extended JSON. Look at its $binary, $uuid, $date and $number… values.`);
  }
  const parsed = DOCUMENT.safeParse(document);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`${place}: ${problems.join('; ')}.`);
  }
  const user = readUser(parsed.data);
  if (!user) throw new Error(`${place}: is not a user.`);
  return user;
}
