/**
 * `npm run screenshots`: makes the pictures in docs/images/ anew, of the real page over a real fleet under some load. Takes three minutes,
 * because the plots have to show something. Called by people.
 */
import { mkdirSync, statSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../test/harness/browser.js';
import { runScript } from '../test/harness/script.js';
import { type AdminFleet, read, startAdminFleet, token } from '../test/admin/fleet.js';

const FOLDER = 'docs/images';
const MAX_BYTES = 200_000;
const LOAD_SECONDS = Number(process.env.LOAD_SECONDS ?? 100);
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 390, height: 844 };

type Options = NonNullable<Parameters<Browser['newContext']>[0]>;

await runScript(async (signal) => {
  mkdirSync(FOLDER, { recursive: true });
  const fleet = await startAdminFleet({
    pods: ['graphql-0', 'graphql-1', 'graphql-2', 'graphql-3'],
    devices: 240,
    redisArgs: ['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lfu'],
    env: { CACHE_TTL_SECONDS: '60', CACHE_L1_MAX_BYTES: '1048576' },
  });
  const [first] = fleet.pods;
  if (first === undefined) throw new Error('There is no pod.');
  const browser = await launchBrowser();
  const admin = await token(['cache:admin'], 'mira@growers.example');
  const open = async (options: Options) => {
    const page = await (await browser.newContext({ viewport: WIDE, ...options })).newPage();
    await page.goto(`${first.url}/admin`);
    return page;
  };
  const signIn = async (page: Page) => {
    await page.getByLabel('Bearer token').fill(admin);
    await page.getByLabel('Bearer token').press('Enter');
    await page.getByRole('heading', { name: 'Pods' }).waitFor();
  };
  const ended = new AbortController();
  const load = Promise.all(
    fleet.pods.map((_pod, number) => readAllTheTime(fleet, number, AbortSignal.any([signal, ended.signal]))),
  );

  const light = await open({ colorScheme: 'light' });
  await picture(light, 'admin-sign-in');
  const dark = await open({ colorScheme: 'dark' });
  const narrow = await open({ colorScheme: 'light', viewport: NARROW });
  for (const page of [light, dark, narrow]) await signIn(page);
  await setTimeout(LOAD_SECONDS * 400, undefined, { signal });
  await first.graphql(
    'mutation { invalidateCache(pattern: "device_meta:green*") { id } }',
    {},
    { authorization: `Bearer ${admin}` },
  );
  await setTimeout(LOAD_SECONDS * 300, undefined, { signal });
  await fleet.pods[2]?.restart();
  await setTimeout(LOAD_SECONDS * 300, undefined, { signal });

  await light.getByRole('textbox', { name: 'Pattern' }).fill('device_meta:cellar*');
  await light.getByRole('button', { name: /^Purge [\d,]+ keys?$/ }).click();
  await light.getByText('no pod can serve it any more').waitFor();
  await light.getByRole('button', { name: 'List' }).click();
  await light.getByText('device_meta:…').click();
  await light.getByLabel('Device id or key').fill(fleet.ids[0] ?? '');
  await light.getByRole('button', { name: 'Explain' }).click();
  await light.locator('#why dl').waitFor();
  await setTimeout(3_000);
  await toTop(light);
  await picture(light, 'admin');
  await light.locator('#purge').evaluate((element: { scrollIntoView(): void }) => element.scrollIntoView());
  await picture(light, 'admin-purge');
  await picture(dark, 'admin-dark');
  await picture(narrow, 'admin-narrow');

  await fleet.redis.kill();
  await first.graphql(
    'mutation { invalidateCache(pattern: "device_meta:field*") { id } }',
    {},
    { authorization: `Bearer ${admin}` },
  );
  await light.getByText(/Degraded since/).waitFor();
  await light.getByText(/1 invalidation waits/).waitFor();
  await setTimeout(15_000, undefined, { signal });
  await toTop(light);
  await picture(light, 'admin-degraded');
  ended.abort();
  await load;
  return 0;
});

async function toTop(page: Page): Promise<void> {
  await page.evaluate('scrollTo(0, 0)');
}

async function picture(page: Page, name: string): Promise<void> {
  const path = `${FOLDER}/${name}.png`;
  await page.screenshot({ path });
  const { size } = statSync(path);
  console.log(`${path}: ${Math.round(size / 1_000)} kB`);
  if (size > MAX_BYTES) throw new Error(`${path} is larger than ${MAX_BYTES} bytes.`);
}

/** Reads devices on one pod, more at some times than at others, until it is told to stop. */
async function readAllTheTime({ pods, ids }: AdminFleet, number: number, signal: AbortSignal): Promise<void> {
  for (let round = 0; !signal.aborted; round++) {
    const pod = pods[number];
    const start = Math.floor(Math.random() ** 2 * ids.length);
    // A pod that is just started again refuses.
    await (pod === undefined ? Promise.resolve() : read(pod, ids.slice(start, start + 1 + (round % 5)))).catch(() => undefined);
    await setTimeout(60 + 40 * Math.sin(round / 150 + number) + 30 * number);
  }
}
