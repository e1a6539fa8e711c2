/**
 * The server's TCP connections, and how they end without losing a request. Neither `fastify.close()` nor node's own `close()` does
 * that: they hang on a keep-alive connection that is in use, or cut one off between two requests. Used by `server.ts`.
 */
import type { Server, ServerResponse } from 'node:http';
import { Server as TcpServer, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';

/**
 * How long a connection must have been idle before it is closed under a client. Clients in the middle of something send their next
 * request sooner, and are told by its answer.
 */
const IDLE_GRACE_MS = 500;
/** When requests that still haven't been answered are given up: none of ours may take that long. */
const DEADLINE_MS = 8_000;
const SWEEP_INTERVAL_MS = 25;

/**
 * With the last of its requests that are not answered yet. A property, because a Set to which every response is added for a moment makes
 * V8 keep them, and all that hangs on them, beyond the collection that could free them: a quarter of what a request costs.
 */
type Connection = Socket & { unanswered?: ServerResponse | undefined };

export class Connections {
  readonly #server: Server;
  readonly #sockets = new Set<Connection>();
  #isDraining = false;

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** To be called for each request before anything answers it, and `answered` after that. */
  expect(response: ServerResponse): void {
    const connection: Connection = response.req.socket;
    const before = connection.unanswered;
    connection.unanswered = response;
    if (!this.#isDraining) return;
    if (before?.headersSent === false) before.setHeader('connection', 'keep-alive'); // it is not the last
    response.setHeader('connection', 'close');
  }

  answered(response: ServerResponse): void {
    const connection: Connection = response.req.socket;
    if (connection.unanswered === response) connection.unanswered = undefined;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /**
   * From now on nobody can connect, each answer is the last of its connection, and idle connections are closed. Resolves when all are
   * gone, after 8 s at the latest.
   */
  async drain(): Promise<void> {
    // After the poll phase of the event loop: who waited in the backlog was accepted in it.
    await setImmediate();
    const closed = new Promise<void>((resolve) => {
      // Node's HTTP server would close the idle connections along with the listener.
      TcpServer.prototype.close.call(this.#server, () => {
        resolve();
      });
    });
    // Only now: who is told to connect anew finds nobody, where before it could have come into a backlog that is thrown away.
    this.#isDraining = true;
    for (const { unanswered } of this.#sockets)
      if (unanswered?.headersSent === false) unanswered.setHeader('connection', 'close');
    const startedAt = performance.now();
    const sweeper = setInterval(() => {
      const elapsedMs = performance.now() - startedAt;
      if (elapsedMs > DEADLINE_MS) this.#server.closeAllConnections();
      else if (elapsedMs > IDLE_GRACE_MS) this.#closeIdle();
    }, SWEEP_INTERVAL_MS);
    await closed;
    clearInterval(sweeper);
  }

  #closeIdle(): void {
    this.#server.closeIdleConnections();
    // Node doesn't count those as idle that were opened ahead of use, as browsers do.
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
  }
}
