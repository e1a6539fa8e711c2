import { describe, expect, it } from 'vitest';
import { counters, openPod } from './pods.js';
import { Source } from './source.js';

describe('the memory of an embedded cache', () => {
  it('is bounded by bytes, with keys and overhead counted', async () => {
    const MAX_BYTES = 200_000;
    const { cache } = await openPod('alone', undefined, { l1MaxBytes: MAX_BYTES });
    const source = new Source();
    for (let i = 0; i < 100; i++) {
      await source.read(
        cache,
        Array.from({ length: 100 }, (_, k) => `sensor-${i}-${k}`),
      );
    }
    const [pod] = (await cache.snapshot()).pods;
    expect(pod!.l1Bytes).toBeLessThanOrEqual(MAX_BYTES);
    expect(pod!.l1Bytes).toBeGreaterThan(MAX_BYTES * 0.8);
    expect(pod!.l1Entries).toBeLessThan(MAX_BYTES / 200);
    // The latest are kept.
    const before = await counters(cache, 'device_meta');
    await source.read(cache, ['sensor-99-99']);
    expect((await counters(cache, 'device_meta')).l1Hits - before.l1Hits).toBe(1);
  });

  it('holds nothing that is larger than all of it, and keeps the rest', async () => {
    const { cache } = await openPod('alone', undefined, { l1MaxBytes: 10_000 });
    const source = new Source();
    await source.read(cache, ['small']);
    await source.read(cache, ['x'.repeat(20_000)]);
    expect((await cache.snapshot()).pods[0]!.l1Entries).toBe(1);
    await source.read(cache, ['small']);
    expect(source.timesAsked('small')).toBe(1);
  });

  it('may be next to nothing: then nothing is kept, and everything answered', async () => {
    const { cache } = await openPod('alone', undefined, { l1MaxBytes: 1 });
    const source = new Source();
    for (let i = 0; i < 3; i++) expect(await source.version(cache, 'x')).toBe(1);
    expect(source.timesAsked('x')).toBe(3);
  });
});
