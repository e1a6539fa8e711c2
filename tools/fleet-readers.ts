/** Some traffic for `npm run fleet`: devices of one user, read on every pod all the time, changed and purged when asked to. */
import type { Api, Headers } from '../test/promises/workload/api.js';
import { bearer } from '../test/promises/workload/api.js';
import { Database } from '../test/promises/workload/database.js';
import { Chain } from '../test/promises/workload/devices.js';
import type { Fleet, Pod } from '../test/promises/fleet/fleet.js';
import { CLEAR, DEVICES, UPDATE } from '../test/promises/workload/queries.js';

const OWNER = '00000000-0000-4000-8000-000000000001';
const DEVICES_IN_ALL = 100;
const PAUSE_MS = 50;

interface Told {
  readonly status: string;
  readonly pods: object | null;
}

export class Readers {
  readonly #fleet: Fleet;
  readonly #api: Api;
  readonly #admin: Headers;
  readonly #owner: Headers;
  readonly #chains: readonly Chain[];
  #isStopped = false;
  #updates = 0;

  private constructor(
    fleet: Fleet,
    api: Api,
    headers: { readonly admin: Headers; readonly owner: Headers },
    chains: readonly Chain[],
  ) {
    this.#fleet = fleet;
    this.#api = api;
    this.#admin = headers.admin;
    this.#owner = headers.owner;
    this.#chains = chains;
  }

  static async start(fleet: Fleet, api: Api, admin: Headers): Promise<Readers> {
    const chains = Array.from({ length: DEVICES_IN_ALL }, (_, number) => new Chain(`sensor-${number}`));
    const database = new Database(fleet.mongodb.url);
    await database.populate(OWNER, chains);
    await database.close();
    const readers = new Readers(fleet, api, { admin, owner: await bearer(OWNER, []) }, chains);
    for (const pod of fleet.pods) void readers.#read(pod);
    return readers;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Changes the first device on the first pod, and says what became of its invalidation. */
  async update(): Promise<string> {
    const [pod, chain] = [this.#fleet.pods[0] as Pod, this.#chains[0] as Chain];
    const description = `update ${++this.#updates}`;
    const id = chain.commonName(chain.deviceIds[0]);
    const { data, problem } = await this.#api.graphql(pod.url, UPDATE, { id, input: { description } }, this.#owner);
    const told = (data?.updateDevice as { invalidation: Told } | undefined | null)?.invalidation;
    return `${id} changed on ${pod.name}: ${told ? `${told.status} ${JSON.stringify(told.pods)}` : problem}`;
  }

  async clear(): Promise<string> {
    const pod = this.#fleet.pods[0] as Pod;
    const { data, problem } = await this.#api.graphql(pod.url, CLEAR, {}, this.#admin);
    const told = data?.purge as Told | undefined | null;
    return `everything invalidated on ${pod.name}: ${told ? `${told.status} ${JSON.stringify(told.pods)}` : problem}`;
  }

  async #read(pod: Pod): Promise<void> {
    while (!this.#isStopped) {
      const start = Math.floor(Math.random() * DEVICES_IN_ALL);
      const ids = this.#chains.slice(start, start + 20).map((chain) => chain.deviceIds[0]);
      if (pod.isUp()) await this.#api.graphql(pod.url, DEVICES, { ids }, this.#admin);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
