/**
 * Looks at the licences of all packages that production installs, and writes what they are to `dist/sbom.cdx.json`, a bill of materials
 * (CycloneDX) for scanners. Both come from the lockfile, so nothing need be installed. Run by `npm run check`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';

/** What an MIT-licensed server may ship without further duties than to name the authors. */
const ALLOWED = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0']);

const FILE = 'dist/sbom.cdx.json';

interface Component {
  readonly 'bom-ref': string;
  /** SPDX: an id, an expression, or text that is neither. */
  readonly licenses?: readonly {
    readonly license?: { readonly id?: string; readonly name?: string };
    readonly expression?: string;
  }[];
  readonly properties?: readonly { readonly name: string }[];
}

interface Bom {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** npm's own `--omit=dev` leaves out production packages that a development package needs too; so they are chosen here. */
function isForProduction({ properties = [] }: Component): boolean {
  return !properties.some(({ name }) => name === 'cdx:npm:package:development');
}

/** Of alternatives one must be allowed, of what holds together all. Where brackets mix them, too much is asked rather than too little. */
function isAllowed(licence: string): boolean {
  const parts = licence.replaceAll(/[()]/g, '').split(' AND ');
  return parts.every((part) => part.split(' OR ').some((id) => ALLOWED.has(id.trim())));
}

function licenceOf({ licenses = [] }: Component): string {
  return licenses.map(({ license, expression }) => expression ?? license?.id ?? license?.name).join(' AND ') || 'none';
}

const command = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx'];
const bom = JSON.parse(execFileSync('npm', command, { encoding: 'utf8', maxBuffer: 2 ** 26 })) as Bom;
const components = bom.components.filter(isForProduction);
for (const component of components.filter((each) => !isAllowed(licenceOf(each)))) {
  console.log(
    `package-lock.json: ${component['bom-ref']}: its licence, ${licenceOf(component)}, is not among ${[...ALLOWED].join(', ')}`,
  );
  process.exitCode = 1;
}

// The project itself needs packages of both kinds.
const shipped = new Set([bom.metadata.component, ...components].map((component) => component['bom-ref']));
const dependencies = bom.dependencies
  .filter(({ ref }) => shipped.has(ref))
  .map((each) => ({ ...each, dependsOn: each.dependsOn.filter((ref) => shipped.has(ref)) }));
mkdirSync('dist', { recursive: true });
writeFileSync(FILE, `${JSON.stringify({ ...bom, components, dependencies }, undefined, 2)}\n`);
console.log(`${components.length} packages in ${FILE}`);
