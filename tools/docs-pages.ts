/** The documentation's pages. Read by docs-tables.ts, which writes tables into them, and by check-generated.ts. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const docs = readdirSync('docs', { recursive: true, encoding: 'utf8' });

/** Paths from the root of the project. */
export const PAGES: readonly string[] = [
  'README.md',
  ...docs.map((path) => join('docs', path)).filter((path) => path.endsWith('.md')),
];
