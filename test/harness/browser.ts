/**
 * A real Chromium for tests of pages, without a window and without traffic of its own. Called by tests; which program is run was
 * decided once, by `prepare.ts`.
 */
import { chromium, type Browser } from 'playwright-core';
import { describe } from 'vitest';
import { environment } from './environment.js';
import { track } from './registry.js';

/** As root Chromium runs without its sandbox only. The rest keeps it from asking the internet anything by itself. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-domain-reliability',
  '--disable-sync',
  '--no-first-run',
  '--no-pings',
];

/** Starts a browser, closed after the test or the file like everything of the harness. */
export async function launchBrowser(): Promise<Browser> {
  const program = environment().chromium;
  if (!program.found) throw new Error(program.reason);
  const browser = await chromium.launch({ executablePath: program.path, args: ARGUMENTS });
  track({ name: 'browser', close: () => browser.close() });
  return browser;
}

/** A `describe` for tests that need a browser. Where there is none they are skipped, which `global-setup.ts` has said in one line. */
export function describeWithBrowser(name: string, tests: () => void): void {
  describe.skipIf(!environment().chromium.found)(name, tests);
}
