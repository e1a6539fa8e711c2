import { expect, it } from 'vitest';
import { describeWithBrowser, launchBrowser } from './browser.js';

describeWithBrowser('launchBrowser', () => {
  it('shows a page', async () => {
    const browser = await launchBrowser();
    const page = await browser.newPage();
    await page.setContent('<h1>Devices</h1>');
    expect(await page.textContent('h1')).toBe('Devices');
  });
});
