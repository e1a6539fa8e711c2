/** What clients may say of a device, checked before anything is looked up. Every violation is `BAD_USER_INPUT` naming its field. */
import { z } from 'zod';
import { CodedError } from '../errors.js';
import { isWellFormed } from './unicode.js';

const MAX_NAME_BYTES = 256;
const MAX_DESCRIPTION_BYTES = 4_096;

function text(maxBytes: number) {
  return z
    .string()
    .refine(isWellFormed, 'is not valid Unicode: it contains half of a surrogate pair')
    .refine((value) => Buffer.byteLength(value) <= maxBytes, `is longer than ${String(maxBytes)} bytes of UTF-8`);
}

const name = text(MAX_NAME_BYTES)
  .refine((value) => value !== '', 'is empty')
  .refine((value) => !/\p{Control}/u.test(value), 'contains a control character');
const deviceId = name.refine((value) => !value.includes('|'), 'contains a `|`, which separates device id and name');
const description = text(MAX_DESCRIPTION_BYTES);
const visibility = z.enum(['PUBLIC', 'PRIVATE']);

const REGISTRATION = z.object({ deviceId, name, description, visibility });
const UPDATE = z.object({ description: description.nullish(), visibility: visibility.nullish() });

export type RegistrationInput = z.input<typeof REGISTRATION>;
export type UpdateInput = z.input<typeof UPDATE>;

export function parseRegistration(input: RegistrationInput) {
  const { visibility: chosen, ...device } = parse(REGISTRATION, input);
  return { ...device, isPrivate: chosen === 'PRIVATE' };
}

export function parseUpdate(input: UpdateInput) {
  const update = parse(UPDATE, input);
  return {
    description: update.description ?? undefined,
    isPrivate: update.visibility ? update.visibility === 'PRIVATE' : undefined,
  };
}

function parse<T>(shape: z.ZodType<T>, input: unknown): T {
  const parsed = shape.safeParse(input);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  throw new CodedError('BAD_USER_INPUT', `${problems.join('; ')}.`);
}
