/**
 * A TCP proxy that shows the commands which pass it on their way to a server. For Redis and MongoDB there is a reader of each one's
 * protocol, which understands no more than where a command begins and what it is called.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../test/harness/ports.js';

/** What one connection carries. */
export interface Watcher {
  /** Bytes from the client. */
  sent(bytes: Buffer): void;
  /** Something has come back. */
  answered(): void;
}

export interface Proxy {
  readonly port: number;
  close(): void;
}

/** @param replyDelayMs how much later what comes back is handed on. */
export async function startProxy(targetPort: number, watch: () => Watcher, replyDelayMs = 0): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    const watcher = watch();
    client.on('data', (bytes) => {
      watcher.sent(bytes);
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      setTimeout(() => {
        watcher.answered();
        if (!client.destroyed) client.write(bytes);
      }, replyDelayMs);
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined); // `close` follows
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

const OP_MSG = 2013;
const OPCODE_AT = 12;
const BSON_STRING = 2;
/** Header 16 bytes, flags 4, kind of section 1, length of its document 4, type of the first element 1: then its key, the command. */
const COMMAND_AT = 26;

/** Calls `onCommand` with the name of each command, `find`, and its argument where that is a text: the collection. */
export function watchMongoDb(onCommand: (name: string, collection: string) => void): Watcher {
  let pending: Buffer = Buffer.alloc(0);
  return {
    sent(bytes) {
      pending = Buffer.concat([pending, bytes]);
      while (pending.length >= 4 && pending.length >= pending.readInt32LE(0)) {
        const length = pending.readInt32LE(0);
        const message = pending.subarray(0, length);
        pending = pending.subarray(length);
        if (message.readInt32LE(OPCODE_AT) !== OP_MSG) continue; // a greeting of the older kind
        const end = message.indexOf(0, COMMAND_AT);
        const isText = message[COMMAND_AT - 1] === BSON_STRING;
        const argumentAt = end + 5; // behind the name's zero and the length of the text
        const argument = isText ? message.toString('utf8', argumentAt, message.indexOf(0, argumentAt)) : '';
        onCommand(message.toString('latin1', COMMAND_AT, end), argument);
      }
    },
    answered: () => undefined,
  };
}

/** How a command begins: `*3\r\n$3\r\nSET\r\n`; of a script's, its digest as well. Values are JSON, in which no line can end. */
const COMMAND = /\*\d+\r\n\$\d+\r\n([A-Za-z]+)\r\n(?:\$40\r\n([0-9a-f]{40})\r\n)?/g;
/** No such beginning is longer. */
const LONGEST_BEGINNING = 80;

export interface RedisCounts {
  /** Called for each command, by its name in lower case; a script's is `evalsha <digest>`. */
  readonly onCommand: (name: string) => void;
  /**
   * Called once for all commands of one name that leave before anything has come back. Replies must be delayed, lest the first of a
   * flight is answered before the last has passed.
   */
  readonly onFlight: (name: string) => void;
}

export function watchRedis({ onCommand, onFlight }: RedisCounts): Watcher {
  const underWay = new Set<string>();
  let tail = '';
  return {
    sent(bytes) {
      const text = tail + bytes.toString('latin1');
      let end = 0;
      for (const { 0: beginning, 1: command = '', 2: digest, index } of text.matchAll(COMMAND)) {
        const isScript = /^evalsha$/i.test(command);
        if (isScript && digest === undefined && text.length - index < LONGEST_BEGINNING) break; // its digest is still to come
        end = index + beginning.length;
        const name = command.toLowerCase() + (digest === undefined ? '' : ` ${digest}`);
        onCommand(name);
        if (underWay.has(name)) continue;
        underWay.add(name);
        onFlight(name);
      }
      tail = text.slice(Math.max(end, text.length - LONGEST_BEGINNING));
    },
    answered() {
      underWay.clear();
    },
  };
}
