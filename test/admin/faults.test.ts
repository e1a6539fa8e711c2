/** The admin page while parts of the fleet fail and come back: what somebody on call reads. */
import type { Browser } from 'playwright-core';
import { beforeEach, expect, it, vi } from 'vitest';
import { describeWithBrowser, launchBrowser } from '../harness/browser.js';
import { describeWithMongoDb } from '../harness/mongodb.js';
import { waitFor } from '../harness/wait.js';
import { type AdminFleet, cache, read, startAdminFleet, token } from './fleet.js';
import { openAdminPage, panel, sentence, signIn, waitForSentence } from './opened-page.js';

// Pods are waited for to notice, to come back, to be seen by the page.
vi.setConfig({ testTimeout: 120_000 });

describeWithBrowser('the admin page', () => {
  describeWithMongoDb('of a fleet in trouble', () => {
    let fleet: AdminFleet;
    let browser: Browser;
    let admin: string;
    beforeEach(async () => {
      fleet = await startAdminFleet({
        pods: ['pod-a', 'pod-b'],
        env: { CACHE_TTL_SECONDS: '3', CACHE_RESPONSE_TTL_SECONDS: '1' },
      });
      browser = await launchBrowser();
      admin = await token(['cache:admin']);
    });

    async function open() {
      const { page } = await openAdminPage(browser, fleet.pods[0]!.url);
      await signIn(page, admin);
      await waitForSentence(page, /^● All 2 pods answer from the cache; nothing waits\.$/);
      return page;
    }

    it('says that Redis is gone and what waits, and follows a pending purge until all is well', async () => {
      const page = await open();
      await fleet.redis.kill();
      await waitForSentence(page, /^■ Degraded since \d\d:\d\d: answers come from MongoDB, nothing waits\.$/);
      expect(await page.title()).toBe('■ OpenSensor cache');
      expect(await page.getByRole('row', { name: /^pod-a/ }).textContent()).toMatch(/lost: MongoDB answers.*open/);
      expect(await page.getByRole('row', { name: /^pod-b/ }).textContent()).toContain("can't be seen");
      expect(await panel(page, 'Redis').textContent()).toContain("It can't be asked now.");

      await page.getByRole('textbox', { name: 'Pattern' }).fill('device_meta:*');
      await page.getByText("Keys can't be counted now: Redis can't be asked.").waitFor();
      await page.getByRole('button', { name: 'Purge what matches' }).click();
      const purge = panel(page, 'Purge');
      await purge.getByText('Pending: it is on record, and not applied yet.').waitFor();
      await purge.getByText('Bring Redis back; this line follows it.').waitFor();
      await waitForSentence(page, /answers come from MongoDB, 1 invalidation waits\.$/);
      expect(await panel(page, 'Pending invalidations').textContent()).toMatch(/1oldest \d.*device_meta:\*/);

      await fleet.redis.restart();
      await purge.getByText('Applied: no pod can serve it any more.').waitFor({ timeout: 20_000 });
      await waitForSentence(page, /^● All 2 pods answer from the cache; nothing waits\.$/);
      await page.getByRole('row', { name: /device_meta:\*.*ops@growers\.example.*applied/ }).waitFor();
    });

    it('names the pod that has lost its lease, and marks one that has started again', async () => {
      const page = await open();
      await fleet.pods[1]!.pause();
      await waitForSentence(page, /^▲ 1 of 2 pods has lost its lease or stopped; if it runs, it answers from MongoDB\.$/);
      await page.getByRole('row', { name: /^pod-b.*not counted since \d\d:\d\d/ }).waitFor();
      const events = panel(page, 'Last five minutes').getByRole('listitem');
      await events.filter({ hasText: 'pod-b gone' }).waitFor();
      fleet.pods[1]!.resume();
      await waitForSentence(page, /^● All 2 pods/);
      await events.filter({ hasText: 'pod-b is back' }).waitFor();
      await fleet.pods[1]!.restart();
      await events.filter({ hasText: 'pod-b restarted' }).waitFor({ timeout: 20_000 });
      const least = await panel(page, 'Last five minutes')
        .getByRole('img')
        .evaluateAll((images) => images.map((image) => image.getAttribute('aria-label')).join());
      expect(least).not.toMatch(/least -/);
    });

    it('says that expired entries stand in while MongoDB is gone', async () => {
      const ids = fleet.ids.slice(0, 3);
      const page = await open();
      await cache(fleet, ids);
      await fleet.mongodb.kill();
      let round = 0;
      await waitFor(
        async () => {
          await read(fleet.pods[0]!, ids.slice(++round % 3));
          return (await sentence(page).textContent())?.startsWith("▲ MongoDB can't be asked: expired entries stand in, ");
        },
        { timeoutMs: 40_000 },
      );
    });

    it('says that the server is gone, keeps what was seen, and goes on when it is back', async () => {
      await read(fleet.pods[0]!, fleet.ids);
      const page = await open();
      await fleet.pods[0]!.stop();
      await waitForSentence(page, /^■ The server can't be reached since \d\d:\d\d\.$/);
      expect(await page.getByRole('row', { name: /^pod-a/ }).isVisible()).toBe(true);
      await fleet.pods[0]!.restart();
      await waitForSentence(page, /^● All 2 pods answer from the cache; nothing waits\.$/);
    });
  });
});
