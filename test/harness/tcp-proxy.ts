/**
 * A TCP proxy that stands between a server of ours and Redis or MongoDB and injects faults: slow, refused, silent. It knows nothing
 * of what it carries. Called by tests.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from './ports.js';
import { track } from './registry.js';

type Fault = 'none' | 'cut' | 'blackhole' | { readonly delayMs: number };

/** Starts a proxy to 127.0.0.1:`targetPort`, without faults at first. */
export async function startProxy(targetPort: number): Promise<TcpProxy> {
  const proxy = new TcpProxy(targetPort, await freePort());
  track({ name: `proxy to port ${String(targetPort)}`, close: () => proxy.close() });
  await proxy.listen();
  return proxy;
}

export class TcpProxy {
  /** Of 127.0.0.1. */
  readonly port: number;
  readonly #targetPort: number;
  readonly #server = createServer({ allowHalfOpen: true });
  readonly #sockets = new Set<Socket>();
  #fault: Fault = 'none';
  /** Pieces of traffic that a fault has delayed or kept back, connections that it has reset. */
  struck = 0;
  #release: () => void = () => undefined;
  #released = Promise.resolve();

  constructor(targetPort: number, port: number) {
    this.#targetPort = targetPort;
    this.port = port;
    this.#server.on('connection', (client) => {
      this.#join(client, connect({ port: this.#targetPort, host: '127.0.0.1', allowHalfOpen: true }));
    });
  }

  /** False while it is cut and after it was closed. */
  get listening(): boolean {
    return this.#server.listening;
  }

  /** Clients that are connected just now. */
  get connections(): number {
    return this.#sockets.size / 2;
  }

  /** From now on bytes take `delayMs` longer, in each direction. */
  delay(delayMs: number): void {
    this.#change({ delayMs });
  }

  /** Resets all connections and refuses new ones. */
  async cut(): Promise<void> {
    this.#change('cut');
    this.struck += this.connections;
    await this.close();
  }

  /**
   * Connections, new ones too, stay open and silent. Bytes are kept back, as by a network that has stopped delivering, and go on
   * when the fault ends.
   */
  blackhole(): void {
    this.#change('blackhole');
    this.#released = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  /** Ends every fault. */
  async heal(): Promise<void> {
    this.#change('none');
    if (!this.listening) await this.listen();
  }

  async listen(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    if (!this.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  #change(fault: Fault): void {
    this.#fault = fault;
    this.#release();
  }

  #join(client: Socket, upstream: Socket): void {
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(from);
      let last = Promise.resolve();
      const inTurn = (step: () => void) => {
        const passage = this.#passage();
        last = last.then(() => passage).then(step);
      };
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        inTurn(() => !to.destroyed && to.write(bytes));
      });
      from.on('end', () => {
        inTurn(() => to.end());
      });
      from.on('error', () => undefined); // `close` follows and is passed on.
      from.on('close', () => {
        this.#sockets.delete(from);
        inTurn(() => to.destroy());
      });
    }
  }

  /** Resolves when bytes that arrive now may go on. */
  async #passage(): Promise<void> {
    const fault = this.#fault;
    if (fault !== 'none') this.struck++;
    if (fault === 'blackhole') await this.#released;
    else if (typeof fault === 'object') await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
  }
}
