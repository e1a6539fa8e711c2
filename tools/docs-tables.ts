/**
 * Writes the tables of the documentation that come from the code: between `<!-- table:NAME -->` and `<!-- /table -->` in README.md
 * and docs/. Run by `npm run fix`; `npm run check` fails when it would change something.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { ENVIRONMENT, TRACING_ENVIRONMENT } from '../src/config.js';
import { ERROR_CODES } from '../src/errors.js';
import { METRICS } from '../src/metrics/catalogue.js';
import { COUNTERS } from '../src/cache/cache.js';
import { PAGES } from './docs-pages.js';

const TABLES: Readonly<Record<string, string>> = {
  environment: table(
    ['variable', 'meaning', 'default'],
    ENVIRONMENT.map((entry) => [code(entry.variable), entry.meaning, entry.default]),
  ),
  tracing: table(
    ['variable', 'meaning', 'default'],
    TRACING_ENVIRONMENT.map((entry) => [code(entry.variable), entry.meaning, entry.default]),
  ),
  errors: table(
    ['`extensions.code`', 'meaning'],
    Object.entries(ERROR_CODES).map(([name, meaning]) => [code(name), meaning]),
  ),
  metrics: table(
    ['metric', 'kind, unit', 'labels', 'meaning'],
    Object.values(METRICS).map(({ name, kind, unit, labels, help }) => [
      code(name),
      `${kind}, ${unit}`,
      labels.map(code).join(', '),
      help,
    ]),
  ),
  counters: table(
    ['field', 'meaning'],
    Object.entries(COUNTERS).map(([name, meaning]) => [code(name), meaning]),
  ),
};

const PLACE = /(<!-- table:(\w+) -->\n)[^]*?(<!-- \/table -->)/g;

/** Written without padding, so that a change of one row is a change of one line; hence prettier must leave it alone. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return ['<!-- prettier-ignore -->', line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}

const used = new Set<string>();
for (const page of PAGES) {
  const before = readFileSync(page, 'utf8');
  const after = before.replaceAll(PLACE, (_match, start: string, name: string, end: string) => {
    used.add(name);
    const content = TABLES[name];
    if (content === undefined) throw new Error(`${page}: there is no table ${name}, only ${Object.keys(TABLES).join(', ')}`);
    return `${start}\n${content}\n\n${end}`;
  });
  if (after !== before) writeFileSync(page, after);
}

const missing = Object.keys(TABLES).filter((name) => !used.has(name));
if (missing.length > 0)
  throw new Error(`No page shows the table ${missing.join(', ')}: it belongs between <!-- table:… --> and <!-- /table -->.`);
