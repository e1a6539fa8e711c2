/**
 * The figures of all pods of a fleet. Who wants them says so on the bus; every pod writes its own under its name, and the asker
 * waits for those in the registry, a third of a second at most.
 */
import type { Cluster, Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { withDeadline } from '../budget/deadline.js';
import type { Bus } from '../protocol/bus.js';
import { COUNTER_NAMES } from './counters.js';
import type { Fleet, FleetSnapshot } from './fleet.js';
import type { PodSnapshot } from './snapshot.js';

const ANSWER_MS = 300;
const KEPT_MS = 10_000;
const FIRST_POLL_MS = 2;
const QUESTION = /^stats:([\w-]{1,64})$/;

const counters = z.strictObject(Object.fromEntries(COUNTER_NAMES.map((name) => [name, z.number()])));
const answerSchema = z.object({
  questions: z.array(z.string()),
  pod: z.object({
    id: z.string(),
    version: z.string(),
    startedAt: z.coerce.date(),
    l1Entries: z.number(),
    l1Bytes: z.number(),
    l1MaxBytes: z.number().nullable().default(null),
    leaseHeld: z.boolean(),
    lagMs: z.number().nullable(),
    breaker: z.enum(['CLOSED', 'OPEN', 'HALF_OPEN']),
    namespaces: z.record(z.string(), counters),
  }),
});

export interface RedisFleetOptions {
  readonly client: Redis | Cluster;
  /** Before every Redis key. */
  readonly prefix: string;
  readonly bus: Pick<Bus, 'self' | 'pods' | 'publish'>;
}

export class RedisFleet implements Fleet {
  readonly #options: RedisFleetOptions;
  #asked: { readonly question: string; readonly at: number }[] = [];

  constructor(options: RedisFleetOptions) {
    this.#options = options;
  }

  /** Answers another pod's question; does nothing about what else was published. */
  async onMessage(message: string, own: () => PodSnapshot): Promise<void> {
    const question = QUESTION.exec(message)?.[1];
    if (question === undefined) return;
    const { client, bus } = this.#options;
    // One answer to all who asked just now: it takes the place of the one before, which some of them may not have read yet.
    const now = performance.now();
    this.#asked = this.#asked.filter(({ at }) => now - at < ANSWER_MS);
    this.#asked.push({ question, at: now });
    const questions = this.#asked.map((each) => each.question);
    const pod = own();
    const answer = JSON.stringify({ questions, pod: { ...pod, namespaces: Object.fromEntries(pod.namespaces) } });
    await client.set(this.#keyOf(bus.self), answer, 'PX', KEPT_MS);
  }

  async ask(own: () => PodSnapshot): Promise<FleetSnapshot> {
    const answers = new Map<string, PodSnapshot>();
    const giveUpAt = performance.now() + ANSWER_MS;
    const collect = async (): Promise<boolean> => {
      const { bus } = this.#options;
      const question = randomUUID();
      const others = (await bus.pods()).filter((pod) => pod !== bus.self);
      if (others.length > 0) await bus.publish(`stats:${question}`);
      for (let pauseMs = FIRST_POLL_MS; answers.size < others.length && performance.now() < giveUpAt; pauseMs *= 2) {
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        await this.#read(question, others, answers);
      }
      return answers.size === others.length;
    };
    // Where Redis is out, or a pod is: the figures of those that answered, and said so.
    const complete = await withDeadline(collect(), ANSWER_MS).catch(() => false);
    const pod = own();
    return { pods: [pod, ...answers.values()], complete: complete && pod.leaseHeld };
  }

  async #read(question: string, pods: readonly string[], answers: Map<string, PodSnapshot>): Promise<void> {
    const missing = pods.filter((pod) => !answers.has(pod));
    const texts = await this.#options.client.mget(missing.map((pod) => this.#keyOf(pod)));
    for (const [i, pod] of missing.entries()) {
      const answer = parseAnswer(texts[i]);
      if (answer?.questions.includes(question) === true) answers.set(pod, answer.pod);
    }
  }

  #keyOf(pod: string): string {
    return `${this.#options.prefix}{bus}stats:${pod}`;
  }
}

/** Undefined for what a pod of another version wrote and this one can't add up. */
function parseAnswer(text: string | null | undefined): { questions: string[]; pod: PodSnapshot } | undefined {
  try {
    const { questions, pod } = answerSchema.parse(JSON.parse(text ?? 'null'));
    const namespaces = new Map(Object.entries(pod.namespaces)) as unknown as PodSnapshot['namespaces'];
    return { questions, pod: { ...pod, namespaces } };
  } catch {
    return undefined; // not there yet, or not readable
  }
}
