/** What a browser gets at `/graphql`, in a real one without internet. */
import type { Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { describeWithBrowser, launchBrowser } from '../harness/browser.js';
import { startServer, type ServerProcess } from '../harness/server.js';

const SANDBOX = 'https://embeddable-sandbox.cdn.apollographql.com/**';

let server: ServerProcess;
beforeAll(async () => {
  server = await startServer();
});

it('is answered to browsers only', async () => {
  const asked = async (accept: string) => {
    const response = await fetch(`${server.url}/graphql`, { headers: { accept } });
    await response.text();
    return response.headers.get('content-type');
  };
  expect(await asked('text/html,application/xhtml+xml,*/*;q=0.8')).toMatch(/^text\/html/);
  expect(await asked('application/json')).toMatch(/^application\/json/);
  expect(await asked('*/*')).toMatch(/^application\/json/);
});

describeWithBrowser('in a browser', () => {
  /** Opens the page; `sandbox` decides what becomes of Apollo's script. Every other address outside fails. */
  async function open(sandbox: 'unreachable' | 'silent' | { readonly script: string }): Promise<Page> {
    const page = await (await launchBrowser()).newPage();
    await page.route(/^https:/, (route) => route.abort());
    await page.route(SANDBOX, (route) => {
      if (sandbox === 'unreachable') return route.abort();
      return sandbox === 'silent' ? undefined : route.fulfill({ contentType: 'text/javascript', body: sandbox.script });
    });
    await page.goto(`${server.url}/graphql`, { waitUntil: 'commit' });
    return page;
  }

  const heading = (page: Page) => page.getByRole('heading', { name: 'OpenSensor GraphQL' });
  const result = async (page: Page): Promise<any> => {
    await page.getByText(/HTTP \d+/).waitFor();
    return JSON.parse((await page.locator('#result').textContent()) ?? '');
  };

  it('is Apollo Sandbox with the tour, telemetry off and no form in its way', async () => {
    const page = await open({ script: 'window.EmbeddedSandbox = class { constructor(options) { window.options = options } }' });
    await page.waitForLoadState('load');
    const options = await page.evaluate('window.options');
    expect(options).toMatchObject({ runTelemetry: false, endpointIsEditable: false, initialState: { includeCookies: false } });
    expect(options).toHaveProperty('initialState.document', expect.stringContaining('query Tour'));
    expect(await heading(page).isVisible()).toBe(false);
  });

  it.each(['unreachable', 'silent'] as const)('is a form where Sandbox is %s', async (sandbox) => {
    const page = await open(sandbox);
    await heading(page).waitFor();
    expect(await page.getByText('Apollo Sandbox could not be loaded').isVisible()).toBe(true);
  });

  it('gives way to Sandbox when that comes late', async () => {
    const page = await (await launchBrowser()).newPage();
    let release = () => {};
    await page.route(SANDBOX, async (route) => {
      await new Promise<void>((resolve) => (release = resolve));
      await route.fulfill({ contentType: 'text/javascript', body: 'window.EmbeddedSandbox = class {}' });
    });
    await page.goto(`${server.url}/graphql`, { waitUntil: 'commit' });
    await heading(page).waitFor();
    release();
    await heading(page).waitFor({ state: 'hidden' });
  });

  it('runs the tour, another of its operations, and says what is wrong with variables', async () => {
    const page = await open('unreachable');
    const errors: string[] = [];
    page.on('pageerror', ({ message }) => errors.push(message));
    await page.getByRole('button', { name: 'Run' }).click();
    const tour = await result(page);
    expect(tour.errors).toBeUndefined();
    expect(tour.data.device.deviceIds).toEqual(['greenhouse-7f3a', 'greenhouse-8b21', 'greenhouse-9c04']);
    expect(tour.data.devices).toEqual([expect.objectContaining({ id: 'sensor-0001|Bed 1' }), null, null]);
    expect(tour.data.deviceListing.edges).toHaveLength(2);

    await page.getByLabel('Bearer token').fill(server.demoToken('grower'));
    await page.getByLabel('Operation').selectOption('WhoAmI');
    await page.getByLabel('Document').press('Control+Enter');
    await page.getByText('"USER"').waitFor();

    await page.getByLabel('Variables').fill('{');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByText('the variables are no JSON').waitFor();
    expect(errors).toEqual([]);
  });

  it('runs a purge by keyboard alone', async () => {
    const page = await open('unreachable');
    await page.getByLabel('Bearer token').fill(server.demoToken('admin'));
    await page.getByLabel('Pattern').focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect((await result(page)).data.invalidateCache).toMatchObject({ status: 'DRY_RUN', pattern: 'device_meta:greenhouse*' });

    await page.getByLabel('Dry run').uncheck();
    await page.getByLabel('Pattern').fill('device_listing:*');
    await page.getByLabel('Pattern').press('Enter');
    await page.getByText('"APPLIED"').waitFor();
    expect((await result(page)).data.invalidateCache).toMatchObject({ status: 'APPLIED', pattern: 'device_listing:*' });
  });

  it('shows what was refused, and keeps no token', async () => {
    const page = await open('unreachable');
    await page.getByRole('button', { name: 'Purge' }).click();
    expect((await result(page)).errors[0].extensions.code).toBe('UNAUTHENTICATED');
    await page.getByLabel('Bearer token').fill('nonsense');
    await page.getByRole('button', { name: 'Purge' }).click();
    await page.getByText('HTTP 401').waitFor();
    expect(await page.evaluate('[localStorage.length, sessionStorage.length, document.cookie]')).toEqual([0, 0, '']);
  });
});
