/**
 * A proxy between one pod and Redis that understands RESP enough to strike a chosen command or reply. It pairs the n-th reply of a
 * connection with its n-th command and tells pushes apart. Without rules every byte passes unchanged. Called by tests and by the fleet.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from './ports.js';
import { track } from './registry.js';
import { Connection } from './resp-connection.js';
import { type ConnectionKind, type Passing, Rule, type RuleOptions } from './resp-rules.js';

/** Starts a proxy to 127.0.0.1:`targetPort`, without rules at first. */
export async function startRespProxy(targetPort: number): Promise<RespProxy> {
  const proxy = new RespProxy(targetPort, await freePort());
  track({ name: `RESP proxy to port ${String(targetPort)}`, close: () => proxy.close() });
  await proxy.listen();
  return proxy;
}

export class RespProxy {
  /** Of 127.0.0.1. */
  readonly port: number;
  readonly #targetPort: number;
  readonly #server = createServer((client) => this.#accept(client));
  readonly #connections = new Set<Connection>();
  readonly #rules = new Set<Rule>();

  constructor(targetPort: number, port: number) {
    this.#targetPort = targetPort;
    this.port = port;
  }

  /** How many connections of a kind there are just now. */
  count(kind: ConnectionKind): number {
    return [...this.#connections].filter((connection) => connection.kind === kind).length;
  }

  add(options: RuleOptions): Rule {
    const rule = new Rule(options, (ended) => this.#rules.delete(ended));
    this.#rules.add(rule);
    return rule;
  }

  /** Resets all connections, or those of one kind; new ones are accepted. Answers how many they were. */
  reset(kind?: ConnectionKind): number {
    const chosen = [...this.#connections].filter((connection) => kind === undefined || connection.kind === kind);
    for (const connection of chosen) connection.reset();
    return chosen.length;
  }

  /** Resets all connections and refuses new ones, until `listen`. Answers how many they were. */
  async cut(): Promise<number> {
    const count = this.#connections.size;
    await this.close();
    return count;
  }

  async listen(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.reset();
    await closed;
  }

  #accept(client: Socket): void {
    const upstream = connect(this.#targetPort, '127.0.0.1');
    const connection = new Connection(client, upstream, (passing) => this.#ruleFor(passing));
    this.#connections.add(connection);
    client.once('close', () => this.#connections.delete(connection));
  }

  #ruleFor(passing: Passing): Rule | undefined {
    for (const rule of this.#rules) if (rule.strikes(passing)) return rule;
    return undefined;
  }
}
