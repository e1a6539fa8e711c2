/** Signing in at an issuer: the page gets its token itself, and keeps it no other way than a pasted one. */
import type { Page } from 'playwright-core';
import { beforeEach, expect, it } from 'vitest';
import { describeWithBrowser, launchBrowser } from '../harness/browser.js';
import { startIssuer, type TestIssuer } from '../harness/oidc.js';
import { startServer, type ServerProcess } from '../harness/server.js';
import { expectNothingKept, openAdminPage, panel, waitForSentence, type OpenedPage } from './opened-page.js';

describeWithBrowser('with an issuer', () => {
  let issuer: TestIssuer;
  let server: ServerProcess;
  let opened: OpenedPage;
  let page: Page;
  beforeEach(async () => {
    issuer = await startIssuer();
    issuer.claims = { sub: 'mira@growers.example', permissions: ['cache:admin'] };
    server = await startServer({ OIDC_ISSUER: issuer.issuer, ADMIN_OIDC_CLIENT_ID: 'admin-page' });
    opened = await openAdminPage(await launchBrowser(), server.url);
    page = opened.page;
  });
  const press = () => page.getByRole('button', { name: 'Sign in at the issuer' }).click();

  it('allows requests to it, and to nobody else', async () => {
    const { headers } = await fetch(`${server.url}/admin`);
    expect(headers.get('content-security-policy')).toContain(`connect-src 'self' ${issuer.issuer}; `);
  });

  it('signs in by a window that closes itself, with PKCE, and leaves nothing behind', async () => {
    const asked: URL[] = [];
    page.context().on('request', (request) => asked.push(new URL(request.url())));
    await press();
    await waitForSentence(page, /nothing waits/);
    await page.getByText('mira@growers.example').first().waitFor();
    expect(page.context().pages()).toEqual([page]);
    const authorization = asked.find(({ pathname }) => pathname === '/authorize')!.searchParams;
    expect(Object.fromEntries(authorization)).toMatchObject({
      response_type: 'code',
      client_id: 'admin-page',
      redirect_uri: `${server.url}/admin/signed-in.html`,
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(new Set(asked.map(({ origin }) => origin))).toEqual(new Set([server.url, issuer.issuer]));
    expect(asked.filter(({ href }) => /eyJ/.test(href))).toEqual([]);
    expect(opened.complaints).toEqual([]);
    expect(page.url()).toBe(`${server.url}/admin`);
    await expectNothingKept(page);
  });

  it('says what an issuer that fails, or a person who closes the window, has left undone', async () => {
    const alert = panel(page, 'Sign in').getByRole('alert');
    issuer.behaviour = 'error';
    await press();
    await alert.filter({ hasText: 'The issuer can’t be asked how to sign in.' }).waitFor();

    issuer.behaviour = 'normal';
    await page.context().route(/\/authorize/, () => undefined);
    const popup = page.waitForEvent('popup');
    await press();
    const window = await popup;
    await window.waitForURL('about:blank');
    await window.close();
    await alert.filter({ hasText: 'The window was closed' }).waitFor();
  });

  it('takes a pasted token all the same', async () => {
    await page.getByLabel('Bearer token').fill(await issuer.sign({ sub: 'ops', permissions: ['cache:read'] }));
    await page.keyboard.press('Enter');
    await waitForSentence(page, /nothing waits/);
  });
});
