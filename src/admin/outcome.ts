/** What became of a purge, in words. Pure. */
import type { InvalidateCacheMutation } from './operations.js';
import { amount, count, duration } from './words.js';

export type Invalidation = NonNullable<InvalidateCacheMutation['invalidateCache']>;

export interface Outcome {
  readonly tone: 'good' | 'warning';
  readonly sentence: string;
  /** Figures: pods, time, keys. */
  readonly figures: string;
  /** What it means, where that is not plain. */
  readonly meaning: string;
}

export function outcomeOf({ status, pods, elapsedMs, matched, removed }: Invalidation): Outcome {
  const figures = [
    pods === null ? 'the pods can’t be counted now' : acknowledged(pods),
    duration(elapsedMs),
    ...(matched === null ? [] : [`${amount(matched, 'key')} matched, ${freed(removed, matched)}`]),
  ].join(' · ');
  if (status === 'PENDING') {
    return {
      tone: 'warning',
      sentence: 'Pending: it is on record, and not applied yet.',
      figures,
      meaning:
        'Redis did not take it. No pod that lost Redis trusts its cache again before it is applied, so nothing purged is served; it survives restarts. ' +
        'Bring Redis back; this line follows it.',
    };
  }
  return { tone: 'good', sentence: 'Applied: no pod can serve it any more.', figures, meaning: '' };
}

function acknowledged({ live, acknowledged: heard, expired }: NonNullable<Invalidation['pods']>): string {
  const silent = expired === 0 ? '' : `, ${expired} had lost ${expired === 1 ? 'its lease' : 'their leases'}`;
  return `${heard} of ${live} live ${live === 1 ? 'pod' : 'pods'} acknowledged${silent}`;
}

function freed(removed: number | null, matched: number): string {
  return removed !== null && removed >= matched ? 'all freed' : `${count(removed)} freed so far`;
}
