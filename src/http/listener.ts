/**
 * Node's HTTP server as this product runs it: how long clients may take, how much their headers may hold, and what those get whose
 * request is not even HTTP. Used by `server.ts`.
 */
import { randomUUID } from 'node:crypto';
import { createServer, STATUS_CODES, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

/** Longer than the 60 s of usual load balancers, so that it is they who close a connection that both have left idle. */
export const KEEP_ALIVE_SECONDS = 72;
/** From a request's first byte to the end of its headers, and to the end of its body of 1 MiB at most. */
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** How often the two above are looked at. */
const CHECK_INTERVAL_MS = 5_000;
/** Without a byte in either direction, as of a client that has stopped reading. */
const SOCKET_TIMEOUT_MS = 120_000;
/** The URL included: room for a query by GET with 1,000 ids. */
const MAX_HEADER_BYTES = 65_536;
/** Connections that wait to be accepted; the system may allow fewer. */
const BACKLOG = 1_024;

export function createListener(handler: RequestListener): Server {
  const server = createServer(
    {
      keepAliveTimeout: 1_000 * KEEP_ALIVE_SECONDS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    handler,
  );
  server.timeout = SOCKET_TIMEOUT_MS;
  return server;
}

/** @returns the URL under which this machine reaches the server. Rejects with what to do about it when the port can't be had. */
export async function listen(server: Server, { port, host }: { readonly port: number; readonly host: string }): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === 'EADDRINUSE' ? 'it is in use' : (cause.code ?? cause.message);
      reject(new Error(`Can't listen on port ${String(port)} of ${host}: ${reason}. Set PORT or HOST.`, { cause }));
    });
    server.listen({ port, host, backlog: BACKLOG }, resolve);
  });
  const bound = server.address() as AddressInfo;
  const isAnyAddress = host === '0.0.0.0' || host === '::';
  const name = isAnyAddress ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${String(bound.port)}`;
}

/** Node's `clientError`: what was sent is not HTTP, has too long headers, or took too long. */
export function answerUnreadableRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, detail] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? [408, 'The request took too long to arrive.']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? [431, `URL and headers have more than ${String(MAX_HEADER_BYTES)} bytes.`]
        : [400, 'The request can not be read.'];
  const body = JSON.stringify({ detail, code: 'BAD_REQUEST' });
  const head = [
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}`,
    'connection: close',
    'content-type: application/json; charset=utf-8',
    `content-length: ${String(Buffer.byteLength(body))}`,
    `x-request-id: ${randomUUID()}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
