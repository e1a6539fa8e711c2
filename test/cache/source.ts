/** The database that a test of the cache stands on: values that change, answers that can be held back or fail, every question noted. */
import { type BatchLoad, Budget, type CacheReader, type Loaded, type Namespace } from '../../src/cache/cache.js';
import { Deferred } from './deferred.js';

/** What the source knows of an id. */
export interface Value {
  readonly id: string;
  readonly version: number;
}

/** As devices are cached, with times that no test outlasts. */
export const DEVICES: Namespace = {
  name: 'device_meta',
  valueVersion: 3,
  ttlSeconds: 300,
  negativeTtlSeconds: 30,
  graceSeconds: 600,
};

export class Source {
  /** Every question so far, in the order in which they came. */
  readonly questions: (readonly string[])[] = [];
  /** While it is set, every question is answered with it. */
  failure: Error | undefined;
  #held: Deferred<void> | undefined;
  readonly #versions = new Map<string, number>();
  readonly #absent = new Set<string>();

  /** An id has version 1 until it is changed. */
  change(id: string): void {
    this.#absent.delete(id);
    this.#versions.set(id, (this.#versions.get(id) ?? 1) + 1);
  }

  remove(id: string): void {
    this.#absent.add(id);
  }

  current(id: string): Value | null {
    return this.#absent.has(id) ? null : { id, version: this.#versions.get(id) ?? 1 };
  }

  /** From now on answers are worked out when asked for, and given at {@link release}: as by a database that is slow to answer. */
  hold(): void {
    this.#held ??= new Deferred();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** How often an id was asked for. */
  timesAsked(id: string): number {
    return this.questions.filter((ids) => ids.includes(id)).length;
  }

  readonly load: BatchLoad<Value> = async (ids) => {
    this.questions.push(ids);
    if (this.failure !== undefined) throw this.failure;
    const answer = new Map(ids.map((id): [string, Loaded<Value>] => [id, { value: this.current(id), tags: [`device:${id}`] }]));
    await this.#held?.promise;
    return answer;
  };

  /** Reads ids through a cache. The budget is one that a busy machine doesn't use up, unless the test is about it. */
  async read(
    cache: CacheReader,
    ids: readonly string[],
    { namespace = DEVICES, budgetMs = 2_000 }: { readonly namespace?: Namespace; readonly budgetMs?: number } = {},
  ): Promise<(Value | null)[]> {
    const found = await cache.getMany(namespace, ids, new Budget(budgetMs), this.load);
    return ids.map((id) => found.get(id)!.value);
  }

  /** The version of one id, read through a cache; null when it is absent. */
  async version(cache: CacheReader, id: string, options?: Parameters<Source['read']>[2]): Promise<number | null> {
    const [value] = await this.read(cache, [id], options);
    if (value?.id !== undefined && value.id !== id) throw new Error(`${value.id} was answered for ${id}`);
    return value?.version ?? null;
  }
}
