/**
 * Looks through `package-lock.json` for what must never be in it: versions published with malware, addresses of a registry (the
 * lockfile is good for any), and packages without a checksum. Run by `npm run check`.
 */
import { readFileSync } from 'node:fs';

/** Published with malware in August 2026; semver ranges inside our dependencies admit some of them. */
const POISONED = new Set([
  'keyv@6.0.0',
  'cacheable@2.5.1',
  'cache-manager@7.2.10',
  'flat-cache@6.1.24',
  'file-entry-cache@11.1.6',
  'cacheable-request@13.0.20',
]);

interface LockedPackage {
  /** Only where it differs from the folder's name. */
  readonly name?: string;
  readonly version: string;
  readonly resolved?: string;
  readonly integrity?: string;
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, LockedPackage> };
for (const [path, { name = path.replace(/^.*node_modules\//, ''), version, resolved, integrity }] of Object.entries(packages)) {
  if (path === '') continue;
  const problem = (text: string) => {
    console.log(`package-lock.json: ${path}: ${text}`);
    process.exitCode = 1;
  };
  if (POISONED.has(`${name}@${version}`)) problem(`${name} ${version} was published with malware`);
  if (resolved !== undefined)
    problem('has a `resolved` address; .npmrc has `omit-lockfile-registry-resolved`, which leaves it out');
  if (integrity === undefined) problem('has no `integrity`');
}
