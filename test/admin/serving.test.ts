/** How the page's files are served. */
import { beforeAll, expect, it } from 'vitest';
import { startServer, type ServerProcess } from '../harness/server.js';

let server: ServerProcess;
let html: string;
beforeAll(async () => {
  server = await startServer();
  html = await (await fetch(`${server.url}/admin`)).text();
});

const get = (path: string, init?: RequestInit) => fetch(server.url + path, { redirect: 'manual', ...init });

it('is open, with a policy that allows nothing from elsewhere and nothing inline', async () => {
  const answer = await get('/admin');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(answer.headers.get('content-security-policy')).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
  expect(answer.headers.get('x-frame-options')).toBe('DENY');
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect(html).not.toMatch(/<style|style=|<script(?![^>]*src=)|\son\w+=|https?:/);
});

it('serves what the page names, and the modules that these import', async () => {
  const named = [...html.matchAll(/(?:src|href)="(\/admin\/[^"]+)"/g)].map(([, path]) => path ?? '');
  expect(named).toEqual(['/admin/icon.svg', '/admin/style.css', '/admin/main.js']);
  const seen = new Set(named);
  for (const path of seen) {
    const answer = await get(path);
    expect(answer.status, path).toBe(200);
    const text = await answer.text();
    if (!path.endsWith('.js')) continue;
    expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    for (const [, file = ''] of text.matchAll(/from '(\.[^']+)'/g)) seen.add(new URL(file, `http://a${path}`).pathname);
  }
  expect(seen.size).toBeGreaterThan(20);
});

it('is asked for again each time, and answered by 304 while it is the same', async () => {
  for (const path of ['/admin', '/admin/main.js', '/admin/settings.json']) {
    const answer = await get(path);
    const etag = answer.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    const again = await get(path, { headers: { 'if-none-match': `"other", ${etag}` } });
    expect(again.status).toBe(304);
    expect(again.headers.get('etag')).toBe(etag);
    expect(await again.text()).toBe('');
    expect((await get(path, { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  }
});

it('answers HEAD', async () => {
  const answer = await get('/admin', { method: 'HEAD' });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-length')).toBe(String(Buffer.byteLength(html)));
  expect(await answer.text()).toBe('');
});

it('has nothing else there', async () => {
  for (const path of [
    '/admin/nowhere',
    '/admin/main.ts',
    '/admin/tsconfig.json',
    '/admin/../package.json',
    '/admin/..%2fmain.js',
    '/admin/index.html',
    '/administrator',
  ]) {
    const answer = await get(path);
    expect(answer.status, path).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'NOT_FOUND' });
  }
  const post = await get('/admin/main.js', { method: 'POST' });
  expect(post.status).toBe(405);
  expect(post.headers.get('allow')).toBe('GET, HEAD');
  const slash = await get('/admin/');
  expect([slash.status, slash.headers.get('location')]).toEqual([302, '/admin']);
});

it('tells what the page must know before anybody has signed in, and no more', async () => {
  expect(await (await get('/admin/settings.json')).json()).toEqual({
    tokens: 'demo',
    database: 'the embedded store',
    signIn: null,
  });
});

it('is one route in the log and the metrics', async () => {
  await get('/admin/words.js');
  const metrics = await (await get('/metrics')).text();
  expect(metrics).toContain('route="/admin/*"');
  expect(metrics).not.toContain('route="/admin/words.js"');
});

it('is named by the start', () => {
  expect(server.stdout.join('\n')).toContain(`The admin page is at ${server.url}/admin.`);
});
