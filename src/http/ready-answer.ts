/**
 * Sends an answer that is ready as a whole. Node's `writeHead` and `end` do the same for any answer, and check each header; for one out
 * of memory that is a fifth of all work. So head and body are written to the connection here, and the response told that it has
 * finished, which is what tells node to go on with the connection. Whatever is not the plain case is left to node.
 */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { KEEP_ALIVE_SECONDS } from './listener.js';

export interface ReadyAnswer {
  readonly status: number;
  /** Names and values in turn. Nothing that a client, or anybody else outside, could have put a line break into. */
  readonly headers: readonly string[];
  readonly body: Buffer | string | undefined;
  /** Of a body that is a text. */
  readonly encoding: BufferEncoding;
}

/** @param isWatched whether somebody watches the response by its methods: then node sends it. */
export function sendReady(response: ServerResponse, answer: ReadyAnswer, isWatched: boolean): void {
  const { status, headers, body, encoding } = answer;
  const { socket } = response;
  // It has no connection while another answer is to be sent first.
  const isUsual = socket !== null && socket.writable && socket.writableLength === 0;
  if (isWatched || !isUsual || !response.shouldKeepAlive || response.hasHeader('connection')) {
    response.writeHead(status, headers as string[]);
    response.end(body, encoding);
    return;
  }
  response.statusCode = status;
  const head = headOf(status, headers);
  if (typeof body === 'string') {
    socket.write(head + body, encoding);
  } else {
    socket.cork();
    socket.write(head, 'latin1');
    if (body !== undefined) socket.write(body);
    socket.uncork();
  }
  response.emit('finish');
}

function headOf(status: number, headers: readonly string[]): string {
  let head = `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i] as string}: ${headers[i + 1] as string}\r\n`;
  return `${head}Date: ${date()}${KEEP_ALIVE}`;
}

const KEEP_ALIVE = `\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${String(KEEP_ALIVE_SECONDS)}\r\n\r\n`;

let dateText = '';
let dateSecond = -1;

function date(): string {
  const nowMs = Date.now();
  const second = Math.floor(nowMs / 1_000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(nowMs).toUTCString();
  }
  return dateText;
}
