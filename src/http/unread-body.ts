/** Reads a request's body before anybody else does, in a way that leaves it to be read. */
import type { IncomingMessage } from 'node:http';

/**
 * Without ending the request.
 * @param length of the body in bytes, as its header says.
 * @param gone called in place of `done` when the client has gone.
 * @param done `putBack` lets it be read once more, by somebody else.
 */
export function readAhead(
  request: IncomingMessage,
  length: number,
  gone: () => void,
  done: (body: Buffer, putBack: () => void) => void,
): void {
  const chunks: Buffer[] = [];
  let missing = length;
  const read = (chunk: Buffer): void => {
    chunks.push(chunk);
    missing -= chunk.length;
    if (missing > 0) return;
    request.pause(); // before it has ended, which is noticed later
    const body = chunks.length === 1 ? chunk : Buffer.concat(chunks, length);
    done(body, () => {
      request.off('data', read);
      request.unshift(body);
    });
  };
  request.on('data', read);
  request.once('close', () => {
    if (missing > 0) gone();
  });
}
