/**
 * How the bodies of requests are read: JSON in UTF-8, at most {@link MAX_BODY_BYTES}. Of any other content type nothing is read, and
 * the route finds no body. Called once by `server.ts`.
 */
import type { FastifyInstance } from 'fastify';
import { HttpError } from './errors.js';

/** @throws what is wrong with it. */
export type ParseJson = (bytes: Buffer) => unknown;

/** @returns what the routes' bodies are parsed by. */
export function readJsonBodies(app: FastifyInstance): ParseJson {
  const parseJson = jsonParser(app);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, bytes: Buffer, done) => {
    try {
      done(null, parseJson(bytes));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addContentTypeParser('*', (_request, _payload, done) => {
    done(null, undefined);
  });
  return parseJson;
}

function jsonParser(app: FastifyInstance): ParseJson {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  // `__proto__` and `constructor.prototype` as keys are refused: no request of ours has them.
  const parse = app.getDefaultJsonParser('error', 'error');
  return (bytes) => {
    // An empty body is none. What that means is for the route to say.
    if (bytes.length === 0) return undefined;
    let text: string;
    try {
      text = utf8.decode(bytes);
    } catch (error) {
      throw new HttpError(400, 'BAD_REQUEST', 'The body is not valid UTF-8.', { cause: error });
    }
    let parsed: unknown;
    // It looks at no request, and calls back before it returns.
    void parse(undefined as never, text, (error, body) => {
      if (error !== null) throw error;
      parsed = body;
    });
    return parsed;
  };
}
