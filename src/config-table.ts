/**
 * What tables of environment variables are made of: values as several variables have them, the row of a variable, and the reading of a
 * whole table. A problem found here never repeats a value, since many are secret. The tables are in `config-schema.ts` and
 * `config-tracing.ts`.
 */
import { z } from 'zod';

/** No variable in it is empty. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A whole number without sign, exponent, blanks or leading zeros. */
export function integer(min: number, max: number) {
  const message = `must be a whole number from ${String(min)} to ${String(max)}`;
  return z
    .string()
    .regex(/^(0|[1-9]\d{0,15})$/, message)
    .transform(Number)
    .pipe(z.number().min(min, message).max(max, message));
}

export const printable = z.string().regex(/^\P{Cc}+$/u, 'must have no control characters');

export function maxBytes(max: number) {
  return z.refine<string>((text) => Buffer.byteLength(text) <= max, `must have at most ${String(max)} bytes`);
}

/** An http(s) URL without credentials, which would end up in errors. */
export const webUrl = z.string().refine((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}, 'must be an http:// or https:// URL without credentials');

/** A variable with a default, which is read as if the environment had it. */
export function variable<S extends z.ZodType<unknown, string>>(meaning: string, defaultText: string, schema: S) {
  return { meaning, default: defaultText, schema: z.prefault(schema, defaultText as z.input<S>) };
}

/** A variable that may be missing; `absent` says what holds then. */
export function optional<S extends z.ZodType<unknown, string>>(meaning: string, absent: string, schema: S) {
  return { meaning, default: absent, schema: z.optional(schema) };
}

/** A table: the rows by the names of their variables. */
type Table = Readonly<Record<string, { readonly meaning: string; readonly default: string; readonly schema: z.ZodType }>>;
export type ValuesOf<T extends Table> = { readonly [K in keyof T]: z.output<T[K]['schema']> };

/** For the documentation: `default` is the default's text, or says what holds without the variable. */
export function catalogueOf(
  table: Table,
): readonly { readonly variable: string; readonly meaning: string; readonly default: string }[] {
  return Object.entries(table).map(([name, entry]) => ({ variable: name, meaning: entry.meaning, default: entry.default }));
}

/** Reads each variable by itself. What has a problem is missing from `values`; `problems` has one sentence for each. */
export function readTable<T extends Table>(
  table: T,
  env: Environment,
): { readonly values: Partial<ValuesOf<T>>; readonly problems: string[] } {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, { schema }] of Object.entries(table)) {
    const result = schema.safeParse(env[name]);
    if (result.success) values[name] = result.data;
    else problems.push(...result.error.issues.map((issue) => `${name} ${issue.message}.`));
  }
  return { values: values as Partial<ValuesOf<T>>, problems };
}
