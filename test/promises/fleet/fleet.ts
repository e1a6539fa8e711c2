/**
 * The fleet of a run: pods as real processes over one Redis and one MongoDB, each pod behind proxies of its own, so that a fault can hit
 * one of them alone. Starts and stops things; what breaks when is decided by the faults. Called by the run and by `npm run fleet`.
 */
import { type MongoServer, startMongoDb } from '../../harness/mongodb-server.js';
import { freePort } from '../../harness/ports.js';
import { type RespProxy, startRespProxy } from '../../harness/resp-proxy.js';
import { startServer, type ServerProcess } from '../../harness/server.js';
import { startProxy, type TcpProxy } from '../../harness/tcp-proxy.js';
import { JWT_SECRET } from '../workload/api.js';
import type { Target } from '../workload/world.js';
import { startTopology, type Topology, type TopologyName } from './topology.js';

export const PREFIX = 'promises:';
const PODS = ['a', 'b', 'c', 'd'];
/** Comes and goes. */
const VISITOR = 'e';
const LOG_LINES = 20;

export interface FleetOptions {
  readonly topology: TopologyName;
  /** The folder that holds the server's `dist/`. Default: this project's. */
  readonly directory?: string;
  /** Default: four, and one that comes and goes. */
  readonly pods?: readonly string[];
}

export class Pod implements Target {
  readonly name: string;
  readonly url: string;
  /** Undefined where Redis is not one server, because its addresses come from Redis itself. */
  readonly redis: RespProxy | undefined;
  readonly mongodb: TcpProxy;
  readonly #env: Readonly<Record<string, string>>;
  readonly #directory: string | undefined;
  #server: ServerProcess | undefined;
  #isFrozen = false;
  #isReady = false;

  constructor(parts: {
    readonly name: string;
    readonly url: string;
    readonly redis: RespProxy | undefined;
    readonly mongodb: TcpProxy;
    readonly env: Readonly<Record<string, string>>;
    readonly directory: string | undefined;
  }) {
    this.name = parts.name;
    this.url = parts.url;
    this.redis = parts.redis;
    this.mongodb = parts.mongodb;
    this.#env = parts.env;
    this.#directory = parts.directory;
  }

  isUp(): boolean {
    return this.#isReady && !this.#isFrozen;
  }

  async start(): Promise<void> {
    if (this.#server === undefined) {
      const options = this.#directory === undefined ? {} : { directory: this.#directory };
      this.#server = await startServer(this.#env, { until: '/livez', ...options });
    } else {
      await this.#server.restart();
    }
    this.#isReady = true;
  }

  async stop(): Promise<void> {
    this.#isReady = false;
    await this.#server?.stop();
  }

  async kill(): Promise<void> {
    this.#isReady = false;
    await this.#server?.kill();
  }

  async freeze(): Promise<void> {
    this.#isFrozen = true;
    await this.#server?.pause();
  }

  /** What it has printed lately, a line each. */
  logs(): string[] {
    const { stdout = [], stderr = [] } = this.#server ?? {};
    return [...stdout.slice(-LOG_LINES), ...stderr.slice(-LOG_LINES)].map((line) => `${this.name} | ${line}`);
  }

  thaw(): void {
    this.#server?.resume();
    this.#isFrozen = false;
  }
}

export class Fleet {
  readonly topology: Topology;
  readonly mongodb: MongoServer;
  /** Those that are there all the time. */
  readonly pods: readonly Pod[];
  readonly visitor: Pod;

  private constructor(topology: Topology, mongodb: MongoServer, pods: readonly Pod[], visitor: Pod) {
    this.topology = topology;
    this.mongodb = mongodb;
    this.pods = pods;
    this.visitor = visitor;
  }

  static async start({ topology: name, directory, pods = PODS }: FleetOptions): Promise<Fleet> {
    const [topology, mongodb] = await Promise.all([startTopology(name), startMongoDb()]);
    const make = (pod: string) => makePod(pod, topology, mongodb, directory);
    const [visitor, ...others] = await Promise.all([VISITOR, ...pods].map(make));
    await Promise.all(others.map((pod) => pod.start()));
    return new Fleet(topology, mongodb, others, visitor as Pod);
  }

  /** What a pod has printed lately. */
  logs(name: string | undefined): string[] {
    return this.targets.find((pod) => pod.name === name)?.logs() ?? [];
  }

  get targets(): readonly Pod[] {
    return [...this.pods, this.visitor];
  }
}

async function makePod(name: string, topology: Topology, mongodb: MongoServer, directory: string | undefined): Promise<Pod> {
  const port = await freePort();
  const mongodbProxy = await startProxy(mongodb.port);
  const redis = topology.single === undefined ? undefined : await startRespProxy(topology.single.port);
  return new Pod({
    name,
    url: `http://127.0.0.1:${port}`,
    redis,
    mongodb: mongodbProxy,
    directory,
    env: {
      PORT: String(port),
      POD_NAME: name,
      NODE_ENV: 'test',
      LOG_LEVEL: 'warn',
      REDIS_URL: redis === undefined ? topology.url : `redis://127.0.0.1:${redis.port}`,
      MONGODB_URL: `mongodb://127.0.0.1:${mongodbProxy.port}`,
      CACHE_PREFIX: PREFIX,
      JWT_SECRET,
      CACHE_TTL_SECONDS: '4',
      CACHE_NEGATIVE_TTL_SECONDS: '2',
      CACHE_GRACE_SECONDS: '60',
    },
  });
}
