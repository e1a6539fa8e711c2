/** The admin page in a browser, with a record of all that it asks for. Called by the tests of this folder. */
import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';

export interface OpenedPage {
  readonly page: Page;
  /** Every URL asked for so far. */
  readonly requests: readonly string[];
  /** What the browser complained about: errors of scripts, and what the content security policy forbade. */
  readonly complaints: readonly string[];
}

export async function openAdminPage(
  browser: Browser,
  url: string,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<OpenedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const requests: string[] = [];
  const complaints: string[] = [];
  context.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    // What is refused by us is said so on the page; Chromium logs it beside.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(message.text());
  });
  await page.goto(`${url}/admin`);
  await page.getByLabel('Bearer token').waitFor();
  return { page, requests, complaints };
}

export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Bearer token').fill(token);
  await page.getByRole('button', { name: 'Show the cache' }).click();
  await page.getByRole('heading', { name: 'Pods' }).waitFor();
}

/** The sentence at the top, without its sign. */
export function sentence(page: Page): ReturnType<Page['locator']> {
  return page.getByRole('region', { name: 'Status' }).getByRole('status');
}

/** Waits until the sentence is like this. */
export async function waitForSentence(page: Page, pattern: RegExp): Promise<void> {
  await sentence(page).filter({ hasText: pattern }).waitFor();
}

export function panel(page: Page, name: string): ReturnType<Page['locator']> {
  return page.getByRole('region', { name, exact: true });
}

/** Neither the token nor anything else is left where another page, or another day, would find it. */
export async function expectNothingKept(page: Page): Promise<void> {
  expect(await page.evaluate('[localStorage.length, sessionStorage.length, document.cookie, history.state]')).toEqual([
    0,
    0,
    '',
    null,
  ]);
  expect(await page.context().cookies()).toEqual([]);
}
