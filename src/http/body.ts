/**
 * How the bodies of requests are read: JSON in UTF-8, at most {@link MAX_BODY_BYTES}. Of any other content type nothing is read, and
 * the route finds no body. Called once by `server.ts`.
 */
import type { FastifyInstance } from 'fastify';
import { HttpError } from './errors.js';

export function readJsonBodies(app: FastifyInstance): void {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  // `__proto__` and `constructor.prototype` as keys are refused: no request of ours has them.
  const parseJson = app.getDefaultJsonParser('error', 'error');

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
    // An empty body is none. What that means is for the route to say.
    if (bytes.length === 0) {
      done(null, undefined);
      return;
    }
    let text: string;
    try {
      text = utf8.decode(bytes);
    } catch (error) {
      done(new HttpError(400, 'BAD_REQUEST', 'The body is not valid UTF-8.', { cause: error }));
      return;
    }
    void parseJson(request, text, done);
  });
  app.addContentTypeParser('*', (_request, _payload, done) => {
    done(null, undefined);
  });
}
