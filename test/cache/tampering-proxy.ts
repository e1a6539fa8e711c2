/** Stands between a pod and Redis and falsifies what Redis answers; the harness's own proxy knows nothing of what it carries. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '../harness/ports.js';
import { track } from '../harness/registry.js';

/** What becomes of some bytes that Redis has sent: others in their place, or these and then the end of the connection. */
export type Tamper = (bytes: Buffer) => Buffer | { readonly last: Buffer };

export interface TamperingProxy {
  readonly port: number;
  /** From now on; undefined ends it. */
  tamper: Tamper | undefined;
  /** Whether some bytes that a pod has sent are lost on the way; undefined ends it. */
  lose: ((bytes: Buffer) => boolean) | undefined;
  /** Whether what a pod has just sent is answered at once, by what Redis had last sent on that connection before; undefined ends it. */
  replay: ((question: Buffer) => boolean) | undefined;
}

/** Starts a proxy to 127.0.0.1:`targetPort` that changes nothing at first. */
export async function startTamperingProxy(targetPort: number): Promise<TamperingProxy> {
  const proxy: TamperingProxy = { port: await freePort(), tamper: undefined, lose: undefined, replay: undefined };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1');
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => undefined); // `close` follows
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    let last = Buffer.alloc(0);
    client.on('data', (bytes) => {
      if (proxy.replay?.(bytes) === true) client.write(last);
      if (proxy.lose?.(bytes) !== true) upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (proxy.replay === undefined) last = bytes;
      const sent = proxy.tamper?.(bytes) ?? bytes;
      if (Buffer.isBuffer(sent)) client.write(sent);
      else client.end(sent.last);
    });
  });
  server.listen(proxy.port, '127.0.0.1');
  await once(server, 'listening');
  track({
    name: `tampering proxy to port ${targetPort}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
  return proxy;
}

/** Starts a server that is no Redis, and answers its port: to whatever it is told it says `reply`, or what that gives each time. */
export async function startNonsense(reply: string | Buffer | (() => string)): Promise<number> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', () => socket.write(typeof reply === 'function' ? reply() : reply));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  track({
    name: `nonsense on port ${port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
  return port;
}
