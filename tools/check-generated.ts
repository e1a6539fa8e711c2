/**
 * Makes every generated file anew and compares. What differs is listed and put back as it was: a check changes nothing. Run by
 * `npm run check`.
 */
import { execSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { PAGES } from './docs-pages.js';

const GENERATORS = [
  { command: 'npm run --silent schema', outputs: ['schema/schema.graphql', 'schema/operations.ts', 'src/admin/operations.ts'] },
  { command: 'tsx tools/docs-tables.ts', outputs: PAGES },
  { command: 'tsx tools/emit-dashboard.ts', outputs: ['k8s/monitoring/dashboard.json'] },
];

const contentOf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);

for (const { command, outputs } of GENERATORS) {
  const before = outputs.map((path) => ({ path, content: contentOf(path) }));
  try {
    execSync(command, { stdio: ['ignore', 'ignore', 'inherit'] });
  } catch {
    console.log(`\`${command}\` failed, as said above.`);
    process.exitCode = 1;
  }
  for (const { path, content } of before) {
    if (contentOf(path) === content) continue;
    console.log(`${path} is not what \`${command}\` makes.`);
    process.exitCode = 1;
    if (content === undefined) rmSync(path);
    else writeFileSync(path, content);
  }
}
