/** How the commands of `npm run cache` show figures to a person: tables, sizes, times. Pure functions. */

/** A column: its title, and what it shows of a row. Numbers stand at the right. */
export type Column<Row> = readonly [title: string, cell: (row: Row) => string | number | null];

/** Aligned, with a line of titles; `-` stands for what is not known. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const isNumeric = columns.map(([, cell]) => rows.every((row) => typeof cell(row) !== 'string'));
  const lines = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, cell]) => textOf(cell(row))))];
  const widths = columns.map((_, i) => Math.max(...lines.map((cells) => (cells[i] as string).length)));
  const aligned = lines.map((cells) =>
    cells.map((text, i) => (isNumeric[i] ? text.padStart(widths[i] as number) : text.padEnd(widths[i] as number))),
  );
  return aligned.map((cells) => `  ${cells.join('  ').trimEnd()}`).join('\n');
}

function textOf(cell: string | number | null): string {
  return cell === null ? '-' : typeof cell === 'number' ? count(cell) : printable(cell);
}

/** Keys and messages are made of what strangers sent: nothing of it may steer the terminal. */
export function printable(text: string): string {
  return text.replace(/[^\P{C}\n]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** `1,234 keys`, `1 key`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

export function percent(ratio: number | null | undefined): string {
  return ratio === null || ratio === undefined ? '-' : `${(100 * ratio).toFixed(1)} %`;
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  return value < 1024 ** 2 ? `${(value / 1024).toFixed(1)} KiB` : `${(value / 1024 ** 2).toFixed(1)} MiB`;
}

/** How long ago, in the largest unit that fits. @param date as it travels in JSON. */
export function ago(date: string | Date): string {
  const seconds = Math.max(0, Math.round((Date.now() - new Date(date).getTime()) / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3_600)} h ago`;
}
