/**
 * The log: JSON lines in production, readable ones otherwise. Made once by `main.ts` and handed down. Nothing secret may get in: an
 * error is cut down to a few fields, and every line is searched for credentials before it is written.
 */
import { createRequire } from 'node:module';
import { pino, type DestinationStream, type Logger } from 'pino';
import type PinoPretty from 'pino-pretty';
import type { Config } from './config.js';

export type { Logger } from 'pino';

/** Longer messages are cut: some drivers put whole documents into theirs. */
const MAX_MESSAGE_CHARACTERS = 1_000;
const MAX_CAUSES = 3;

/**
 * @param destination where the lines go, as JSON; default: standard output.
 */
export function createLogger(config: Pick<Config, 'production' | 'logLevel'>, destination?: DestinationStream): Logger {
  const options = {
    level: config.logLevel,
    base: null,
    serializers: { err: (error: unknown) => describeError(error) },
    redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: '***' },
    hooks: {
      // The one place where the level is known: a stack is for errors that nobody expected.
      logMethod(this: Logger, args: Parameters<pino.LogFn>, method: pino.LogFn, level: number) {
        const fields: unknown = args[0];
        if (level >= ERROR && isRecord(fields) && fields.err instanceof Error) {
          args[0] = { ...fields, err: describeError(fields.err, { withStack: true }) };
        }
        method.apply(this, args);
      },
      streamWrite: withoutCredentials,
    },
  } satisfies pino.LoggerOptions;
  const stream = destination ?? (config.production ? undefined : prettyStream());
  return stream === undefined ? pino(options) : pino(options, stream);
}

const ERROR = pino.levels.values.error ?? 50;

/** A second net under the callers, who log none of these. */
const SECRET_FIELDS = ['headers', 'body', 'authorization', 'apiKey', 'api_key', 'token', 'password', 'secret', 'url'];

/** Takes user and password out of URLs, and bearer tokens, wherever they stand. Safe on a line of JSON. */
export function withoutCredentials(text: string): string {
  return text
    .replace(/:\/\/[^\s/"'<>]*@/g, '://***@')
    .replace(/\b(bearer)\s+[\w.~+/-]+=*/gi, '$1 ***')
    .replace(/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '***');
}

interface ErrorDescription {
  readonly name?: string;
  readonly code?: string | number;
  readonly message?: string;
  readonly stack?: string;
  readonly cause?: unknown;
}

function describeError(error: unknown, { withStack = false } = {}, causes = MAX_CAUSES): unknown {
  // What a hook has described already comes here as a plain object.
  if (!(error instanceof Error)) return isRecord(error) ? error : { message: `not an error: ${typeof error}` };
  const { name, message, stack, cause } = error;
  const { code } = error as { readonly code?: unknown };
  return {
    name,
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    message: message.slice(0, MAX_MESSAGE_CHARACTERS),
    // V8 puts the message in front.
    ...(withStack && stack !== undefined && { stack: stack.slice(stack.indexOf('\n    at ') + 1) }),
    ...(cause instanceof Error && causes > 0 && { cause: describeError(cause, { withStack }, causes - 1) }),
  } satisfies ErrorDescription;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** pino-pretty is a development tool; where it isn't installed the lines stay JSON. */
function prettyStream(): DestinationStream | undefined {
  try {
    const pretty = createRequire(import.meta.url)('pino-pretty') as typeof PinoPretty;
    return pretty({ sync: true, singleLine: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
