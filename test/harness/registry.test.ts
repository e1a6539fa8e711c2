import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from './ports.js';
import { startProxy, type TcpProxy } from './tcp-proxy.js';

let ofFile: TcpProxy;
let ofTest: TcpProxy | undefined;

beforeAll(async () => {
  ofFile = await startProxy(await freePort());
});

afterAll(() => {
  expect(ofFile.listening).toBe(true);
});

it('leaves what a test opens open until its end', async () => {
  ofTest = await startProxy(await freePort());
  expect(ofTest.listening).toBe(true);
});

it('has closed that before the next test, and nothing else', () => {
  expect(ofTest?.listening).toBe(false);
  expect(ofFile.listening).toBe(true);
});
