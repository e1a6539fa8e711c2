/**
 * Everything that the clients of a run share: whose devices there are, by which registers they are known, and which pods take requests.
 * Called by clients and by the run.
 */
import { type Api, bearer, type Headers } from './api.js';
import type { Database } from './database.js';
import { Chain, listedRegister, registerOf } from './devices.js';
import type { Holding } from '../checker/history.js';
import type { Random } from './random.js';
import type { Recorder } from '../recorder.js';

export interface Target {
  readonly name: string;
  /** Without a slash at the end. */
  readonly url: string;
  /** False while its process is frozen, dead or starting. */
  readonly isUp: () => boolean;
}

export interface Owner {
  readonly subject: string;
  readonly headers: Headers;
  readonly chains: readonly Chain[];
  /** Its device ids, and no others, contain this. */
  readonly search: string;
  readonly isQuiet: boolean;
}

export const OWNERS = 10;
/** The devices of the last few owners are changed and purged seldom, so that they expire, and come from grace while MongoDB is away. */
const QUIET_OWNERS = 3;
const CHAINS_OF_AN_OWNER = 12;

export class World {
  readonly owners: readonly Owner[];
  /** May do and see everything. */
  readonly admin: Headers;
  readonly api: Api;
  readonly database: Database;
  readonly recorder: Recorder;
  readonly targets: readonly Target[];
  /** Every id that may be asked for. */
  readonly ids: readonly string[];
  /** Those that are purged often. */
  readonly busyIds: readonly string[];
  readonly quietIds: readonly string[];
  readonly #listed: readonly string[];

  private constructor(parts: Parts & { readonly owners: readonly Owner[]; readonly admin: Headers }) {
    this.api = parts.api;
    this.database = parts.database;
    this.recorder = parts.recorder;
    this.targets = parts.targets;
    this.owners = parts.owners;
    this.admin = parts.admin;
    const chains = this.owners.flatMap((owner) => owner.chains);
    this.ids = chains.flatMap((chain) => chain.ids);
    const idsOf = (isQuiet: boolean) =>
      this.owners.filter((owner) => owner.isQuiet === isQuiet).flatMap((owner) => owner.chains.flatMap((chain) => chain.ids));
    this.busyIds = idsOf(false);
    this.quietIds = idsOf(true);
    this.#listed = chains.flatMap((chain) => chain.deviceIds.map((deviceId) => listedRegister(chain.commonName(deviceId))));
  }

  static async create(parts: Parts, random: Random): Promise<World> {
    const owners = await Promise.all(
      Array.from({ length: OWNERS }, async (_, number): Promise<Owner> => {
        const subject = uuid(random.fork(`owner ${number}`));
        const search = `k${number}-`;
        const chains = Array.from({ length: CHAINS_OF_AN_OWNER }, (__, chain) => new Chain(`${search}${chain}`));
        await parts.database.populate(subject, chains);
        return { subject, headers: await bearer(subject, []), chains, search, isQuiet: number >= OWNERS - QUIET_OWNERS };
      }),
    );
    const admin = await bearer(uuid(random.fork('admin')), ['cache:admin', 'devices:read']);
    const world = new World({ ...parts, owners, admin });
    world.recorder.add({ type: 'began', at: performance.now(), values: world.#initialValues() });
    return world;
  }

  /** One to send a request to: any that is up, and now and then one that is not. */
  target(random: Random): Target {
    const [first, second] = [random.pick(this.targets), random.pick(this.targets.slice(0, 4))];
    const insists = random.chance(0.05);
    return first.isUp() || (insists && first !== this.targets[4]) ? first : second;
  }

  /** What a purge of these devices makes unservable: all that is known of them, and every listing. */
  coverOfDevices(ids: readonly string[]): string[] {
    return [...ids.map(registerOf), ...this.#listed];
  }

  /** What a purge by pattern makes unservable. */
  coverOfPattern(pattern: string): string[] {
    if (pattern === 'device_listing:*') return [...this.#listed];
    const glob = new RegExp(`^${pattern.replaceAll(/[.|]/g, '\\$&').replaceAll('*', '.*')}$`);
    return this.ids.map(registerOf).filter((register) => glob.test(register));
  }

  /** Everything but API keys, whose entries are few. */
  coverOfAll(): string[] {
    return [...this.ids.map(registerOf), ...this.#listed];
  }

  #initialValues(): Holding[] {
    return this.owners.flatMap(({ chains }) =>
      chains.flatMap((chain) => [
        ...chain.values(),
        ...chain.state.keys.map(({ apiKeyRegister }) => [apiKeyRegister, 'valid'] as const),
      ]),
    );
  }
}

interface Parts {
  readonly api: Api;
  readonly database: Database;
  readonly recorder: Recorder;
  readonly targets: readonly Target[];
}

function uuid(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.integer(0, 15).toString(16)).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20)].join('-');
}
