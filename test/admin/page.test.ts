/** The admin page in a browser over a running fleet: what a person reads and does. */
import { execFileSync } from 'node:child_process';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { describeWithBrowser, launchBrowser } from '../harness/browser.js';
import { describeWithMongoDb } from '../harness/mongodb.js';
import { startServer } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import { type AdminFleet, cache, read, startAdminFleet, token } from './fleet.js';
import { expectNothingKept, openAdminPage, panel, sentence, signIn, waitForSentence } from './opened-page.js';

const ALL_IS_WELL = 'All 2 pods answer from the cache; nothing waits.';

vi.setConfig({ testTimeout: 60_000 });

describeWithBrowser('the admin page', () => {
  describeWithMongoDb('of a fleet', () => {
    let fleet: AdminFleet;
    let url: string;
    let browser: Browser;
    let admin: string;
    beforeAll(async () => {
      fleet = await startAdminFleet({
        pods: ['pod-a', 'pod-b'],
        redisArgs: ['--maxmemory', '32mb', '--maxmemory-policy', 'allkeys-lfu'],
      });
      url = fleet.pods[0]!.url;
      browser = await launchBrowser();
      admin = await token(['cache:admin']);
    });

    async function open(options?: Parameters<typeof openAdminPage>[2]): Promise<Page> {
      const { page } = await openAdminPage(browser, url, options);
      await signIn(page, admin);
      await waitForSentence(page, /nothing waits/);
      return page;
    }

    it('says how all is, in the order in which it matters', async () => {
      await cache(fleet, fleet.ids);
      const page = await open();
      expect(await sentence(page).textContent()).toBe(`● ${ALL_IS_WELL}`);
      const headings = await page.getByRole('heading', { level: 2 }).allTextContents();
      expect(headings.filter((text) => text !== 'Sign in')).toEqual([
        'Pending invalidations',
        'Last five minutes',
        'Pods',
        'Look-ups by namespace',
        'Redis',
        'Purge',
        'Recent purges',
        'Entries',
        'Why is it, or is it not, from the cache?',
      ]);
      expect(await panel(page, 'Pending invalidations').textContent()).toMatch(/0nothing waits/);

      const rows = page.getByRole('table', { name: 'Pods' }).getByRole('row');
      const pods = (await rows.allTextContents()).slice(1);
      expect(pods).toEqual([
        expect.stringMatching(/^pod-a.*held.*closed.*of 64\.0 MiB/),
        expect.stringMatching(/^pod-b.*held.*closed/),
      ]);
      // One version says nothing.
      expect(pods.join()).not.toMatch(/v\d/);

      const redis = await panel(page, 'Redis').textContent();
      expect(redis).toMatch(/of 32\.0 MiB/);
      expect(redis).toMatch(/Evicted0 keys/);
      expect(redis).toContain('allkeys-lfu');
    });

    it('plots what happens while it is open, and marks a purge', async () => {
      const page = await open();
      const plots = panel(page, 'Last five minutes');
      let round = 0;
      await waitFor(
        async () => {
          // Other ids each time: whole answers are cached too.
          await read(fleet.pods[1]!, fleet.ids.slice(++round % 12));
          const names = await plots
            .getByRole('img')
            .evaluateAll((images) => images.map((image) => image.getAttribute('aria-label')));
          return (
            /^Hit ratio: now \d+\.\d %, least/.test(names[0] ?? '') &&
            /^Loads per second: now \d/.test(names[1] ?? '') &&
            /^Requests per second: now [1-9]/.test(names[2] ?? '')
          );
        },
        { timeoutMs: 15_000 },
      );
      await page
        .getByRole('row', { name: /^device_meta/ })
        .filter({ hasText: /[1-9]\d*0/ })
        .waitFor();

      await page.getByRole('textbox', { name: 'Pattern' }).fill('device_meta:field-0002');
      await page.getByRole('button', { name: /^Purge \d+ keys?$/ }).click();
      await plots.getByRole('listitem').filter({ hasText: 'purge of device_meta:field-0002' }).waitFor();
    });

    it('is purged by keyboard alone: counted before, explained after', async () => {
      await cache(fleet, fleet.ids);
      const { page } = await openAdminPage(browser, url);
      // The field has the focus when the page opens.
      await page.keyboard.insertText(admin);
      await page.keyboard.press('Enter');
      await waitForSentence(page, /nothing waits/);
      await tabTo(page, 'Pattern');
      await page.keyboard.type('device_meta:cellar*');
      await page.getByText('4 keys match.').waitFor();
      await tabTo(page, 'Purge 4 keys');
      await page.keyboard.press('Enter');
      const outcome = panel(page, 'Purge');
      await outcome.getByText('Applied: no pod can serve it any more.').waitFor();
      expect(await outcome.getByText(/live pods/).textContent()).toMatch(
        /^device_meta:cellar\* · 2 of 2 live pods acknowledged · \d+ ms · 4 keys matched, all freed$/,
      );
      await outcome.getByText('0 keys match.').waitFor();

      const recent = page.getByRole('table', { name: 'Recent purges' }).getByRole('row').nth(1);
      await recent.filter({ hasText: 'device_meta:cellar*' }).waitFor();
      expect(await recent.textContent()).toMatch(/ops@growers\.example.*applied42 of 2\d+ ms/);
    });

    it('purges devices by their ids', async () => {
      await cache(fleet, fleet.ids.slice(0, 2));
      const page = await open();
      await page.getByLabel('by device ids').check();
      await page.getByRole('textbox', { name: 'Device ids' }).fill(`${fleet.ids[0]!}\nnobody\n${fleet.ids[0]!}`);
      await page.getByText('1 of 2 is cached now.').waitFor();
      await page.getByRole('button', { name: 'Purge 2 devices' }).click();
      await panel(page, 'Purge').getByText('no pod can serve it any more').waitFor();
      await page.getByText('0 of 2 are cached now.').waitFor();
      await page.getByRole('row', { name: /2 devices.*ops@growers/ }).waitFor();
    });

    it('says what is wrong with a pattern', async () => {
      const page = await open();
      await page.getByRole('textbox', { name: 'Pattern' }).fill('nonsense:*');
      await page.getByText('no key begins like this').waitFor();
      expect(await page.getByRole('button', { name: 'Purge', exact: true }).isDisabled()).toBe(true);
    });

    it('gives the request to others, without the token', async () => {
      const page = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
      const pattern = `device_meta:it's "odd" $HOME \\* ü*`;
      await page.getByRole('textbox', { name: 'Pattern' }).fill(pattern);
      const copy = async (name: string) => {
        await page.getByRole('button', { name }).click();
        await page.getByText('Copied.').waitFor();
        return page.evaluate<string>('navigator.clipboard.readText()');
      };
      const graphql = await copy('Copy as GraphQL');
      const curl = await copy('Copy as curl');
      for (const text of [graphql, curl]) expect(text).not.toContain(admin);
      expect(curl).toContain('-H "authorization: Bearer $TOKEN"');

      const auth = { authorization: `Bearer ${admin}` };
      const asked = await fleet.pods[0]!.graphql(graphql, {}, auth);
      expect(asked.body.data?.invalidateCache.status).toBe('APPLIED');
      const pasted = execFileSync('sh', ['-c', curl], { env: { PATH: process.env.PATH, TOKEN: admin }, encoding: 'utf8' });
      const { id } = JSON.parse(pasted).data.invalidateCache;
      const found = await fleet.pods[0]!.graphql('query ($id: ID!) { cacheInvalidation(id: $id) { pattern } }', { id }, auth);
      expect(found.body.data?.cacheInvalidation.pattern).toBe(pattern);
    });

    it('clears everything only when that was typed', async () => {
      await cache(fleet, fleet.ids);
      const page = await open();
      await page.getByRole('button', { name: 'Clear everything …' }).click();
      const dialog = page.getByRole('dialog', { name: 'Clear the whole cache?' });
      const confirm = dialog.getByRole('button', { name: 'Clear everything' });
      expect(await confirm.isDisabled()).toBe(true);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'hidden' });
      await page.getByRole('button', { name: 'Clear everything …' }).click();
      await dialog.getByLabel('Type clear everything to confirm').fill('clear everything');
      await page.keyboard.press('Enter');
      await panel(page, 'Purge')
        .getByText(/^\* · 2 of 2 live pods acknowledged/)
        .waitFor();
    });

    it('lists what is cached as a tree, and says why an entry is used', async () => {
      await cache(fleet, fleet.ids);
      const page = await open();
      const entries = panel(page, 'Entries');
      await entries.getByLabel('Keys that begin with').fill('device_meta:');
      await entries.getByRole('button', { name: 'List' }).click();
      await entries.getByText('12 keys, all that there are.').waitFor();
      await entries.getByText('device_meta:…').click();
      await entries.getByText('device_meta:cellar-…').click();
      await entries.getByRole('button', { name: 'Why device_meta:cellar-0001' }).click();
      const why = panel(page, 'Why is it, or is it not, from the cache?');
      await why.getByText('From the cache.').waitFor();
      expect(await why.getByRole('status').textContent()).toMatch(/device_meta:cellar-0001.*Redis.*a value.*device:cellar-0001/);

      await why.getByLabel('Device id or key').fill('nobody-knows');
      await page.keyboard.press('Enter');
      await why.getByText('Not from the cache.').waitFor();
      expect(await why.getByRole('status').textContent()).toMatch(/device_meta:nobody-knows.*nowhere/);

      await entries.getByRole('button', { name: 'Purge device_meta:cellar-* …' }).click();
      expect(await page.getByRole('textbox', { name: 'Pattern' }).inputValue()).toBe('device_meta:cellar-*');
    });

    it('shows all but purging to a token that may only look', async () => {
      const { page } = await openAdminPage(browser, url);
      await signIn(page, await token(['cache:read']));
      await waitForSentence(page, /nothing waits/);
      await page.getByText('that needs the permission cache:admin').waitFor();
      await page.getByRole('textbox', { name: 'Pattern' }).fill('device_meta:*');
      for (const name of ['Purge', 'Clear everything …'])
        expect(await page.getByRole('button', { name, exact: true }).isDisabled()).toBe(true);
      await page.getByRole('button', { name: 'Copy as curl' }).click();
      await page.getByText(/curl -sS .*device_meta:\*/).waitFor();
      await page.getByRole('button', { name: 'List' }).click();
      await page.getByText('all that there are').waitFor();
    });

    it('says what to do about a token that is no good', async () => {
      const { page } = await openAdminPage(browser, url);
      const alert = panel(page, 'Sign in').getByRole('alert');
      const tryToken = async (text: string) => {
        await page.getByLabel('Bearer token').fill(text);
        await page.keyboard.press('Enter');
      };
      await tryToken('nonsense');
      await alert.filter({ hasText: 'The server does not accept this token.' }).waitFor();
      await tryToken(await token(['devices:read']));
      await alert
        .filter({ hasText: 'ops@growers.example may not look at the cache. Ask for the permission cache:read' })
        .waitFor();
      expect(await page.getByRole('heading', { name: 'Pods' }).isVisible()).toBe(false);
    });

    it('asks again when the token ends, and keeps what is on the screen; a reload forgets it', async () => {
      const { page } = await openAdminPage(browser, url);
      // The server allows 5 s for clocks that differ.
      await signIn(page, await token(['cache:admin'], 'ops@growers.example', new Date(Date.now() - 1_000)));
      await page.getByRole('textbox', { name: 'Pattern' }).fill('device_meta:*');
      await panel(page, 'Sign in').getByRole('alert').filter({ hasText: 'does not accept your token any more' }).waitFor();
      expect(await page.getByRole('row', { name: /^pod-b/ }).isVisible()).toBe(true);
      await signIn(page, admin);
      await panel(page, 'Sign in').waitFor({ state: 'hidden' });
      expect(await page.getByRole('textbox', { name: 'Pattern' }).inputValue()).toBe('device_meta:*');
      await expectNothingKept(page);
      await page.reload();
      await page.getByLabel('Bearer token').waitFor();
      expect(await page.getByLabel('Bearer token').inputValue()).toBe('');
    });

    it('asks nobody else, keeps nothing, breaks no rule of its policy', async () => {
      const { page, requests, complaints } = await openAdminPage(browser, url);
      await signIn(page, admin);
      await page.getByRole('button', { name: 'List' }).click();
      await page.getByText('all that there are').waitFor();
      await waitFor(() => requests.filter((each) => each.endsWith('/graphql')).length > 5, { timeoutMs: 10_000 });
      expect(new Set(requests.map((each) => new URL(each).origin))).toEqual(new Set([url]));
      expect(requests.filter((each) => each.includes(admin))).toEqual([]);
      expect(page.url()).toBe(`${url}/admin`);
      expect(complaints).toEqual([]);
      await expectNothingKept(page);
    });

    describe.each(['light', 'dark'] as const)('in %s', (colorScheme) => {
      it.each([1280, 390])('is accessible at a width of %s', async (width) => {
        const { page } = await openAdminPage(browser, url, {
          colorScheme,
          viewport: { width, height: 900 },
          bypassCSP: true,
          reducedMotion: 'reduce',
        });
        await page.addScriptTag({ content: axe.source });
        expect(await violations(page)).toEqual([]);
        await signIn(page, admin);
        await page.getByRole('textbox', { name: 'Pattern' }).fill('device_meta:*');
        await page.getByRole('button', { name: /^Purge \d+ keys?$/ }).click();
        await panel(page, 'Purge').getByText('no pod can serve it any more').waitFor();
        await page.getByRole('button', { name: 'List' }).click();
        await page.getByText('all that there are').waitFor();
        await page.getByLabel('Device id or key').fill('field-0002');
        await page.getByRole('button', { name: 'Explain' }).click();
        await page.getByText(/(Not from|From) the cache\./).waitFor();
        expect(await violations(page)).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
        await page.getByRole('button', { name: 'Clear everything …' }).click();
        expect(await violations(page)).toEqual([]);
      });
    });
  });

  it('looks after the embedded cache of the demo', async () => {
    const server = await startServer();
    const { page } = await openAdminPage(await launchBrowser(), server.url);
    await page.getByText('the start printed a token behind “admin:”').waitFor();
    // As it is copied from the terminal.
    await signIn(page, `admin: ${server.demoToken('admin')}`);
    await waitForSentence(page, /^● The server answers from its own memory; nothing waits\.$/);
    expect(await panel(page, 'Redis').textContent()).toContain('None is configured.');
    await page.getByRole('textbox', { name: 'Pattern' }).fill('device_meta:*');
    await page.getByRole('button', { name: 'Purge 0 keys' }).click();
    await panel(page, 'Purge').getByText('1 of 1 live pod acknowledged').waitFor();
  });
});

/** Presses Tab until the element with this name has the focus, as somebody without a mouse does. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate<string>(
      '(document.activeElement?.labels?.[0] ?? document.activeElement)?.textContent ?? ""',
    );
    if (focused === name) {
      const outline = await page.evaluate<string>('getComputedStyle(document.activeElement).outlineStyle');
      expect(outline).toBe('solid');
      return;
    }
  }
  throw new Error(`Tab does not lead to ${name}.`);
}

async function violations(page: Page): Promise<string[]> {
  const { violations: found } = await page.evaluate<{
    violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
  }>('axe.run()');
  return found.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}
