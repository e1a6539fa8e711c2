/**
 * How results are shown: one table for all parts, then a line for each aim. `--write` puts the same text into README.md of this
 * folder, between the marks.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Spread } from './statistics.js';

export interface Row {
  /** With the unit: `100 ids, warm, requests/s`. */
  readonly what: string;
  readonly figure: string;
  /** What it is compared with, and the figure of that. */
  readonly against?: { readonly name: string; readonly figure: string };
  /** The figure divided by the other's, in each round. */
  readonly ratio?: Spread;
}

export interface Aim {
  /** A sentence without a full stop: `a warm batch costs 1 round trip to Redis`. */
  readonly what: string;
  readonly figure: string;
  readonly isMet: boolean;
}

/** What a part has found. */
export interface Findings {
  readonly rows: readonly Row[];
  readonly aims: readonly Aim[];
  /** What a reader has to know, a sentence each. */
  readonly notes: readonly string[];
  /** Where rows say it badly: tables of their own, the first line being the head. */
  readonly tables?: readonly (readonly (readonly string[])[])[];
  /** Written beside the README with `--write`. */
  readonly plots?: readonly { readonly file: string; readonly svg: string }[];
}

/** Figures of three digits or more are whole, others have two digits that matter. */
export function number(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(2)));
}

export function report(machine: readonly string[], findings: readonly Findings[]): string {
  const rows = findings.flatMap((part) => part.rows);
  const aims = findings.flatMap((part) => part.aims);
  const notes = findings.flatMap((part) => part.notes);
  const cells = rows.map(({ what, figure, against, ratio }) => [
    what,
    figure,
    against?.name ?? '',
    against?.figure ?? '',
    ratio === undefined ? '' : ratio.median.toFixed(2),
    ratio === undefined ? '' : `${ratio.lowest.toFixed(2)} to ${ratio.highest.toFixed(2)}`,
  ]);
  const tables = findings.flatMap((part) => part.tables ?? []);
  return [
    ...machine,
    ...(rows.length === 0 ? [] : ['', ...align([['', 'this server', 'compared with', '', 'ratio', 'rounds'], ...cells])]),
    ...tables.flatMap((table) => ['', ...align(table)]),
    ...(aims.length === 0 ? [] : ['']),
    ...align(aims.map(({ what, figure, isMet }) => [isMet ? 'met' : 'MISSED', what, figure])),
    ...(notes.length === 0 ? [] : ['', ...notes]),
  ].join('\n');
}

/** Texts to the left; the columns of figures (all but the first and third) to the right where they are numbers. */
function align(cells: readonly (readonly string[])[]): string[] {
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells.map((row) =>
    row
      .map((cell, column) => (/^-?[\d.,]+$/.test(cell) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}

const README = new URL('README.md', import.meta.url);
const FIGURES = /(<!-- figures -->\n)[^]*(<!-- \/figures -->)/;

export function writeReadme(command: string, text: string, findings: readonly Findings[]): void {
  const before = readFileSync(README, 'utf8');
  if (!FIGURES.test(before))
    throw new Error('bench/README.md has no place for the figures: <!-- figures --> … <!-- /figures -->.');
  const figures = `\n\`\`\`\n$ ${command}\n${text}\n\`\`\`\n\n`;
  writeFileSync(
    README,
    before.replace(FIGURES, (_match, start: string, end: string) => `${start}${figures}${end}`),
  );
  for (const { file, svg } of findings.flatMap((part) => part.plots ?? [])) writeFileSync(new URL(file, import.meta.url), svg);
}
