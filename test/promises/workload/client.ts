/**
 * One client of the workload: asks one thing after the other, what and of whom by chance from the seed, and is the only one to change its
 * owner's devices. After an invalidation it reads at once what was invalidated, on other pods, since that is where a mistake would show.
 */
import { change, clearCache, invalidateCache, invalidateDevices, writeDirectly } from './changes.js';
import type { Chain } from './devices.js';
import type { Follower } from './follower.js';
import type { Action } from '../checker/history.js';
import type { Random } from './random.js';
import { readApiKey, readDevices, readListing } from './reads.js';
import type { Outcome } from '../recorder.js';
import type { Owner, World } from './world.js';

/** How long a write that failed may still be made: what a proxy keeps back, and what a pod, a driver and MongoDB may take. */
const SETTLE_MS = 16_000;
/** The same when all faults are healed. */
const HEALED_SETTLE_MS = 4_000;

const WEIGHTS = {
  device: 8,
  batch: 12,
  quietBatch: 4,
  listing: 2,
  apiKey: 3,
  change: 16,
  directWrite: 4,
  invalidateDevices: 16,
  invalidateCache: 5,
  clearCache: 0.1,
} as const;

const QUIET_WEIGHTS = { ...WEIGHTS, change: 0.5, directWrite: 0.2 } as const;

/** Ids of one batch, at most; the schema allows more. */
const BATCH = 400;

interface Unknown {
  readonly op: number;
  readonly chain: Chain;
  readonly state: Chain['state'];
  readonly since: number;
}

export class Client {
  readonly #world: World;
  readonly #owner: Owner;
  readonly #random: Random;
  readonly #follower: Follower;
  readonly #purgesAll: boolean;
  /** Changes of which nobody knows yet whether they were made. Until then their chains are not changed again. */
  #unknown: Unknown[] = [];

  /** @param options `purgesAll`: whether it purges everything now and then. Default: true. */
  constructor(world: World, owner: Owner, follower: Follower, random: Random, options: { readonly purgesAll?: boolean } = {}) {
    this.#world = world;
    this.#owner = owner;
    this.#follower = follower;
    this.#random = random;
    this.#purgesAll = options.purgesAll ?? true;
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.#step();
      await this.#resolve(SETTLE_MS);
    }
  }

  /** All faults are healed: looks what became of the writes that failed, when it can't change any more. */
  async settle(): Promise<void> {
    if (this.#unknown.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, HEALED_SETTLE_MS));
    await this.#resolve(0);
  }

  async #step(): Promise<void> {
    const [world, owner, random] = [this.#world, this.#owner, this.#random];
    const weights = owner.isQuiet ? QUIET_WEIGHTS : WEIGHTS;
    switch (random.weighted(this.#purgesAll ? weights : { ...weights, clearCache: 0 })) {
      case 'device':
        await readDevices(world, world.target(random), [random.pick(world.ids)]);
        break;
      case 'batch': {
        const start = random.integer(0, world.ids.length - 1);
        const ids = [...world.ids, ...world.ids].slice(start, start + random.integer(2, BATCH));
        await readDevices(world, world.target(random), random.shuffled(ids));
        break;
      }
      case 'quietBatch':
        await readDevices(world, world.target(random), random.shuffled(world.quietIds).slice(0, random.integer(1, 20)));
        break;
      case 'listing':
        await readListing(world, world.target(random), random.pick(world.owners), random.pick(['own', 'search']));
        break;
      case 'apiKey': {
        const chain = random.pick(owner.chains);
        const register = random.pick([...chain.apiKeys.keys()].slice(-3));
        await readApiKey(world, world.target(random), chain, register);
        break;
      }
      case 'change':
        await this.#change(random.pick(owner.chains));
        break;
      case 'directWrite':
        await this.#writeDirectly(random.shuffled(owner.chains).slice(0, random.integer(1, 3)));
        break;
      case 'invalidateDevices': {
        const ids = random.shuffled(world.busyIds).slice(0, random.integer(1, 8));
        this.#follow('invalidateDevices', await invalidateDevices(world, world.target(random), ids));
        await this.#readAgain(ids);
        break;
      }
      case 'invalidateCache': {
        const { search, chains } = random.pick(world.owners.filter(({ isQuiet }) => !isQuiet));
        const kind = random.weighted({ owner: 12, listings: 4, some: 3, all: this.#purgesAll ? 0.3 : 0 });
        const pattern = {
          owner: `device_meta:${search}*`,
          listings: 'device_listing:*',
          some: `device_meta:${search}*7*`,
          all: 'device_meta:*',
        }[kind];
        this.#follow('invalidateCache', await invalidateCache(world, world.target(random), pattern));
        await this.#readAgain(chains.flatMap((chain) => chain.ids));
        break;
      }
      case 'clearCache':
        this.#follow('clearCache', await clearCache(world, world.target(random)));
        await this.#readAgain(world.ids);
        break;
    }
  }

  async #change(chain: Chain): Promise<void> {
    const [world, random] = [this.#world, this.#random];
    const [plan, target] = [chain.plan(random), world.target(random)];
    if (this.#isUnknown(chain)) {
      await readDevices(world, target, chain.ids);
      return;
    }
    if (plan.kind === 'direct write') {
      await this.#writeDirectly([chain]);
      return;
    }
    const outcome = await change(world, target, this.#owner, chain, plan);
    if (outcome.made === 'yes') chain.state = plan.state;
    else if (outcome.made === 'maybe') {
      this.#unknown.push({ op: outcome.op, chain, state: plan.state, since: performance.now() });
    }
    this.#follow('change', outcome);
    await this.#readAgain(chain.ids);
    if (random.chance(0.3)) await readListing(world, world.target(random), this.#owner, random.pick(['own', 'search']));
    const register = plan.writes.find(([name]) => chain.apiKeys.has(name))?.[0];
    if (register !== undefined) await readApiKey(world, world.target(random), chain, register);
  }

  /** As another program changes devices, and then tells a pod. */
  async #writeDirectly(chains: readonly Chain[]): Promise<void> {
    const [world, random] = [this.#world, this.#random];
    const changed: Chain[] = [];
    for (const chain of chains) {
      const plan = chain.planDirectWrite(random);
      if (plan === undefined || this.#isUnknown(chain)) continue;
      await writeDirectly(world, this.#owner, chain, plan);
      chain.state = plan.state;
      changed.push(chain);
    }
    if (changed.length === 0) return;
    const ids = changed.flatMap((chain) => chain.ids);
    this.#follow('invalidateDevices', await invalidateDevices(world, world.target(random), ids));
    await this.#readAgain(ids);
  }

  /** On two pods, at once. */
  async #readAgain(ids: readonly string[]): Promise<void> {
    const [world, random] = [this.#world, this.#random];
    const targets = [world.target(random), world.target(random)];
    await Promise.all(targets.map((target) => readDevices(world, target, ids)));
  }

  #follow(action: Action, { invalidation }: Outcome): void {
    if (invalidation?.status === 'PENDING') this.#follower.add(invalidation.id, action);
  }

  #isUnknown(chain: Chain): boolean {
    return this.#unknown.some((unknown) => unknown.chain === chain);
  }

  /** Looks what became of the writes that failed at least `afterMs` ago. */
  async #resolve(afterMs: number): Promise<void> {
    const due = this.#unknown.filter(({ since }) => performance.now() - since >= afterMs);
    for (const unknown of due) {
      const { op, chain, state } = unknown;
      const found = await this.#world.database.read(this.#owner.subject, chain);
      const isMade = chain.values(state).every(([register, value]) => value === valueIn(found, chain, register));
      if (isMade) chain.state = state;
      this.#world.recorder.add({ type: 'resolved', at: performance.now(), op, made: isMade });
      this.#unknown = this.#unknown.filter((other) => other !== unknown);
    }
  }
}

function valueIn(found: Awaited<ReturnType<World['database']['read']>>, chain: Chain, register: string) {
  const deviceId = chain.deviceIds.find((id) => register.endsWith(`:${id}`) || register.endsWith(chain.commonName(id)));
  return found.get(deviceId as string) ?? null;
}
