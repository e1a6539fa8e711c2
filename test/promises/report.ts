/** What a run of the consistency test says in the end: for the terminal, and as a page of the documentation. */
import { execFileSync } from 'node:child_process';
import type { Progress } from './run.js';

export interface Setting {
  readonly seed: number;
  readonly topology: string;
  readonly redisVersion: string;
}

const number = new Intl.NumberFormat('en');

/** One line on how far it is. */
export function progressLine({ recorder, schedule, elapsedMs }: Progress): string {
  const { counts, applied, violations } = recorder;
  const faults = [...schedule.active].join(', ');
  return (
    `${(elapsedMs / 1_000).toFixed(0).padStart(5)} s  ${number.format(counts.reads).padStart(9)} reads  ` +
    `${number.format(applied).padStart(6)} applied (${counts.followedUp} of ${counts.pending} pending ones)  ` +
    `${number.format(counts.failed)} excused or failed  ${violations.length} violations  [${faults}]`
  );
}

/** The summary as Markdown. */
export function summary(progress: Progress, setting: Setting): string {
  const { recorder, schedule, elapsedMs } = progress;
  const { counts, applied, violations } = recorder;
  const rows: readonly (readonly [string, string])[] = [
    ['date', new Date().toISOString().slice(0, 10)],
    ['seed', String(setting.seed)],
    ['commit', commit()],
    ['topology', setting.topology],
    ['Node, Redis', `${process.version.slice(1)}, ${setting.redisVersion}`],
    ['duration', `${(elapsedMs / 60_000).toFixed(1)} min`],
    ['reads', number.format(counts.reads)],
    ['requests', number.format(counts.requests)],
    ['device changes', number.format(counts.changes)],
    ['acknowledged invalidations', number.format(applied)],
    ...[...counts.invalidations].map(([action, count]) => [`… of them by ${action}`, number.format(count)] as const),
    ['PENDING at first', number.format(counts.pending)],
    ['… of them followed up to APPLIED', number.format(counts.followedUp)],
    ['APPLIED without an answer of some pod, after its lease', number.format(counts.expired)],
    ['answers from grace, marked', number.format(counts.stale)],
    ['requests failed, as a broken pod or database excuses', number.format(counts.failed)],
    ['this machine stood still, which excuses too', `${(counts.stallMs / 1_000).toFixed(1)} s`],
    ['**violations**', `**${violations.length}**`],
  ];
  const faults = [...schedule.struck].map(
    ([name, count]) => `| ${name} | ${number.format(schedule.begun.get(name) ?? 0)} | ${number.format(count)} |`,
  );
  return [
    '| | |\n| --- | --- |',
    ...rows.map(([name, value]) => `| ${name} | ${value} |`),
    '\n| fault | times | struck |\n| --- | --- | --- |',
    ...faults,
  ].join('\n');
}

/** The page of the documentation. */
export function page(progress: Progress, setting: Setting): string {
  return `# A long run of the consistency test

> **TL;DR** Written by \`npm run soak -- --write\`. Pods are real processes over a real Redis and MongoDB; clients read, change and purge while
> faults come and go; a checker objects to every answer that breaks a promise. \`npm run soak -- --seed ${setting.seed}\` plays it again.

<!-- prettier-ignore -->
${summary(progress, setting).replace('\n\n|', '\n\n<!-- prettier-ignore -->\n|')}

"Struck" counts what a fault has hit: processes, connections, commands, replies, keys, refused writes. A fault that never struck fails the run.
What the checker objects to, and how to read it: \`test/promises/checker.ts\`.
`;
}

function commit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const isDirty = git('status', '--porcelain', '--', 'src') !== '';
  return `${git('rev-parse', '--short', 'HEAD')}${isDirty ? ', with changes' : ''}`;
}
