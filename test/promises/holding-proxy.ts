/**
 * Stands between one pod and a database and holds back the one message at which a test wants that pod to stop; what comes after it on
 * the same connection waits too. What the test waits for is that the message has come.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '../harness/ports.js';
import { track } from '../harness/registry.js';

export interface HoldingProxy {
  readonly port: number;
  /** Holds the next message that contains all of these texts, for good. Resolves when it has come. */
  hold(...texts: readonly string[]): Promise<void>;
}

/** Starts a proxy to 127.0.0.1:`targetPort` that lets everything through at first. */
export async function startHoldingProxy(targetPort: number): Promise<HoldingProxy> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  let wanted: { readonly texts: readonly string[]; readonly come: () => void } | undefined;
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1');
    let isHeld = false;
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined); // `close` follows
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    client.on('data', (bytes) => {
      if (wanted?.texts.every((text) => bytes.includes(text)) === true) {
        isHeld = true;
        wanted.come();
        wanted = undefined;
      }
      if (!isHeld) upstream.write(bytes);
    });
    upstream.on('data', (bytes) => client.write(bytes));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    const closed = once(server, 'close');
    server.close();
    await closed;
  };
  track({ name: `holding proxy to port ${targetPort}`, close });
  return {
    port,
    hold: (...texts) =>
      new Promise((resolve) => {
        wanted = { texts, come: resolve };
      }),
  };
}
