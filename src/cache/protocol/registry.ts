/**
 * The pods as this one sees them in the registry of the bus: whose record moves, and who has heard of an invalidation. Compares what
 * it saw itself, by its own clock, never the clocks of two machines.
 */
import type { AppendReply, PodRecord } from './replies.js';

export class Registry {
  readonly #self: string;
  readonly #leaseMs: number;
  #records = new Map<string, { readonly text: string; readonly since: number }>();

  /** @param leaseMs how long a pod may serve after its record moved, as seen from outside. */
  constructor(self: string, leaseMs: number) {
    this.#self = self;
    this.#leaseMs = leaseMs;
  }

  /** Takes note of what the registry says now. */
  note(pods: ReadonlyMap<string, PodRecord>): void {
    const now = performance.now();
    const before = this.#records;
    this.#records = new Map();
    for (const [pod, { text }] of pods) {
      const known = before.get(pod);
      this.#records.set(pod, known?.text === text ? known : { text, since: now });
    }
  }

  pods(): readonly string[] {
    return [...this.#records.keys()];
  }

  /** Pods whose record hasn't moved for longer than their lease: they serve nothing, and may be forgotten if that is still so. */
  silent(now: number): [pod: string, record: string][] {
    return [...this.#records]
      .filter(([pod, { since }]) => pod !== this.#self && now - since > this.#leaseMs)
      .map(([pod, { text }]) => [pod, text]);
  }
}

/** How many of the pods that an invalidation has to reach have heard of it. */
export function countApplied(appended: AppendReply, pods: ReadonlyMap<string, PodRecord>): number {
  return [...appended.pods.keys()].filter((pod) => (pods.get(pod)?.applied ?? -1) >= appended.seq).length;
}
