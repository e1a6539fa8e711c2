/** Stands between one pod and its database and holds an answer back until the test lets it go, to overtake it in between. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '../harness/ports.js';
import { track } from '../harness/registry.js';

export interface AnswerHolder {
  readonly port: number;
  /** Holds the next answer that contains the text, and what comes behind it on the same connection. Resolves when it has come. */
  hold(text: string): Promise<void>;
  release(): void;
}

/** Starts a proxy to 127.0.0.1:`targetPort` that lets everything through at first. */
export async function startAnswerHolder(targetPort: number): Promise<AnswerHolder> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  let wanted: { readonly text: string; readonly come: () => void } | undefined;
  let held: { readonly upstream: Socket; readonly client: Socket; readonly answers: Buffer[] } | undefined;
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1');
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
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => {
      if (wanted !== undefined && bytes.includes(wanted.text)) {
        held = { upstream, client, answers: [] };
        wanted.come();
        wanted = undefined;
      }
      if (held?.upstream === upstream) held.answers.push(bytes);
      else client.write(bytes);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  track({
    name: `answer holder before port ${targetPort}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  });
  return {
    port,
    hold: (text) =>
      new Promise((resolve) => {
        wanted = { text, come: resolve };
      }),
    release() {
      const { client, answers } = held!;
      held = undefined;
      for (const bytes of answers) client.write(bytes);
    },
  };
}
