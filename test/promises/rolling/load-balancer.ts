/**
 * A small load balancer, as a Service or an ingress is to the pods: requests go round robin to the pods whose readiness probe says yes,
 * over connections that are kept. It never asks twice: a request that one pod loses is lost. Called by the test of rolling updates.
 */
import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { track } from '../../harness/registry.js';

/** As a `readinessProbe` of Kubernetes. */
export interface Probe {
  readonly path: string;
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  /** So many in a row take a pod out; one success takes it in. */
  readonly failureThreshold: number;
}

/** What it knows of one pod. */
export class Backend {
  readonly name: string;
  readonly url: string;
  readonly agent = new Agent({ keepAlive: true });
  isReady = false;
  /** Requests that it was sent. */
  requests = 0;
  /** Answers of its that said `connection: close`. */
  lastAnswers = 0;
  failures = 0;

  constructor(name: string, url: string) {
    this.name = name;
    this.url = url;
  }
}

export class LoadBalancer {
  /** What went wrong between it and a pod, a line each. */
  readonly problems: string[] = [];
  readonly #probe: Probe;
  readonly #server = createServer((incoming, answer) => this.#forward(incoming, answer));
  readonly #backends: Backend[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #turn = 0;

  private constructor(probe: Probe) {
    this.#probe = probe;
    // Its clients keep their connections as long as they like.
    this.#server.keepAliveTimeout = 0;
  }

  static async start(probe: Probe): Promise<LoadBalancer> {
    const balancer = new LoadBalancer(probe);
    track({ name: 'load balancer', close: () => balancer.#close() });
    balancer.#server.listen(0, '127.0.0.1');
    await once(balancer.#server, 'listening');
    return balancer;
  }

  /** Without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Probes a pod that has started, at once and from then on. */
  async add(name: string, url: string): Promise<Backend> {
    const backend = new Backend(name, url);
    this.#backends.push(backend);
    this.#timers.push(setInterval(() => void this.#ask(backend), 1_000 * this.#probe.periodSeconds));
    await this.#ask(backend);
    return backend;
  }

  async #ask(backend: Backend): Promise<void> {
    const { path, timeoutSeconds, failureThreshold } = this.#probe;
    const headers = { connection: 'close' };
    const isReady = await fetch(backend.url + path, { headers, signal: AbortSignal.timeout(1_000 * timeoutSeconds) }).then(
      ({ ok }) => ok,
      () => false,
    );
    backend.failures = isReady ? 0 : backend.failures + 1;
    if (isReady) backend.isReady = true;
    else if (backend.failures >= failureThreshold) backend.isReady = false;
  }

  #forward(incoming: IncomingMessage, answer: ServerResponse): void {
    const ready = this.#backends.filter(({ isReady }) => isReady);
    const backend = ready[this.#turn++ % ready.length];
    const fail = (status: number, why: string) => {
      this.problems.push(why);
      if (answer.headersSent) answer.destroy();
      else answer.writeHead(status).end();
    };
    if (backend === undefined) return fail(503, 'no pod is ready');

    backend.requests++;
    const { method = 'GET', url = '/' } = incoming;
    const sent = request(
      backend.url + url,
      { method, agent: backend.agent, headers: withoutHopByHop(incoming.headers) },
      (reply) => {
        // The agent sends nothing more over such a connection.
        if (reply.headers.connection === 'close') backend.lastAnswers++;
        answer.writeHead(reply.statusCode as number, withoutHopByHop(reply.headers));
        reply.on('error', (error) => fail(502, `${backend.name} ended in the middle of an answer: ${String(error)}`));
        reply.pipe(answer);
      },
    );
    sent.on('error', (error) => fail(502, `${backend.name} did not answer: ${String(error)}`));
    incoming.pipe(sent);
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    for (const { agent } of this.#backends) agent.destroy();
    await closed;
  }
}

/** Those that are about one connection only; node adds its own. */
function withoutHopByHop(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  const { connection: _connection, 'keep-alive': _keepAlive, 'transfer-encoding': _transferEncoding, ...others } = headers;
  return others;
}
