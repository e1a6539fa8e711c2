/**
 * The devices of the consistency test, as a model: what they should read as now, which change may come next, and which registers of the
 * history that change touches. Each belongs to one client, which makes one change at a time. Asks nobody; called by the workload.
 */
import type { Holding, Value } from '../checker/history.js';
import type { Random } from './random.js';

export type Visibility = 'PUBLIC' | 'PRIVATE';

interface Key {
  readonly deviceId: string;
  readonly description: string;
  readonly apiKeyRegister: string;
}

/** The keys of one chain in the order stored. */
export interface ChainState {
  readonly keys: readonly Key[];
  readonly visibility: Visibility;
}

/** A change that may be made next; `state` is what it leads to. */
export interface PlannedChange {
  readonly kind: 'register' | 'update' | 'remove' | 'direct write';
  readonly deviceId: string;
  readonly description: string;
  readonly visibility: Visibility;
  readonly state: ChainState;
  readonly writes: readonly Holding[];
}

/** What a device reads as, from the fields that every query of the test asks for. */
export function valueOf(device: { description: string; visibility: Visibility; deviceIds: readonly string[] } | null): Value {
  return device === null ? null : `${device.description} ${device.visibility} ${device.deviceIds.join(',')}`;
}

export const registerOf = (id: string): string => `device_meta:${id}`;
export const listedRegister = (commonName: string): string => `listed ${commonName}`;

/** One chain: a device and, at times, a second one under the same name. */
export class Chain {
  readonly name: string;
  /** The device ids that it may have. */
  readonly deviceIds: readonly [string, string];
  state: ChainState;
  /** API keys that the test was told, by register. */
  readonly apiKeys = new Map<string, string>();
  #version = 0;
  #registrations = 0;

  constructor(deviceId: string) {
    this.name = `bed ${deviceId}`;
    this.deviceIds = [deviceId, `${deviceId}.b`];
    this.state = { keys: [this.#newKey(deviceId, 'v0')], visibility: 'PUBLIC' };
  }

  commonName(deviceId: string): string {
    return `${deviceId}|${this.name}`;
  }

  /** All ids by which its devices can be asked for. */
  get ids(): string[] {
    return this.deviceIds.flatMap((deviceId) => [deviceId, this.commonName(deviceId)]);
  }

  /** What the registers of its devices and listings hold in a state; those of API keys are left out. */
  values(state = this.state): Holding[] {
    return this.deviceIds.flatMap((deviceId) => {
      const value = this.#valueIn(state, deviceId);
      const commonName = this.commonName(deviceId);
      return [registerOf(deviceId), registerOf(commonName), listedRegister(commonName)].map((name) => [name, value] as const);
    });
  }

  /** What may be done next by chance. */
  plan(random: Random): PlannedChange {
    const deviceId = random.pick(this.deviceIds);
    const isThere = this.#has(deviceId);
    const kind = isThere ? random.weighted({ update: 6, 'direct write': 3, remove: 2 }) : 'register';
    return this.#plan(kind, deviceId, random.chance(0.3) ? 'PRIVATE' : 'PUBLIC');
  }

  /** The description of one of its devices, changed past every pod; undefined when it has none. */
  planDirectWrite(random: Random): PlannedChange | undefined {
    const deviceId = random.pick(this.deviceIds);
    return this.#has(deviceId) ? this.#plan('direct write', deviceId, this.state.visibility) : undefined;
  }

  #has(deviceId: string): boolean {
    return this.state.keys.some((key) => key.deviceId === deviceId);
  }

  #plan(kind: PlannedChange['kind'], deviceId: string, wanted: Visibility): PlannedChange {
    const description = `v${++this.#version}`;
    const { keys } = this.state;
    // A second device takes the visibility that the chain has, so that it says nothing about the first one.
    const visibility = kind === 'register' && keys.length > 0 ? this.state.visibility : wanted;
    const state = this.#after(kind, deviceId, description, visibility);
    const isIn = (list: readonly Key[], { apiKeyRegister }: Key) => list.some((key) => key.apiKeyRegister === apiKeyRegister);
    const added = state.keys.filter((key) => !isIn(keys, key)).map((key) => [key.apiKeyRegister, 'valid'] as const);
    const removed = keys.filter((key) => !isIn(state.keys, key)).map((key) => [key.apiKeyRegister, null] as const);
    return { kind, deviceId, description, visibility, state, writes: [...this.values(state), ...added, ...removed] };
  }

  #after(kind: PlannedChange['kind'], deviceId: string, description: string, visibility: Visibility): ChainState {
    const { keys } = this.state;
    switch (kind) {
      case 'register':
        return { keys: [...keys, this.#newKey(deviceId, description)], visibility };
      case 'remove':
        return { keys: keys.filter((key) => key.deviceId !== deviceId), visibility: this.state.visibility };
      case 'update':
        return { keys: keys.map((key) => (key.deviceId === deviceId ? { ...key, description } : key)), visibility };
      case 'direct write':
        return {
          keys: keys.map((key) => (key.deviceId === deviceId ? { ...key, description } : key)),
          visibility: this.state.visibility,
        };
    }
  }

  #newKey(deviceId: string, description: string): Key {
    return { deviceId, description, apiKeyRegister: `api_key ${deviceId} #${this.#registrations++}` };
  }

  #valueIn({ keys, visibility }: ChainState, deviceId: string): Value {
    const key = keys.find((candidate) => candidate.deviceId === deviceId);
    return key === undefined ? null : valueOf({ ...key, visibility, deviceIds: keys.map((each) => each.deviceId) });
  }
}
