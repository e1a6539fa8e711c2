/** Redis itself: the whole server, other applications' traffic included. */
import { meter } from '../bars.js';
import { bodyOf, h, render } from '../dom.js';
import type { Stats } from '../traffic.js';
import { amount, bytes, count, duration, percent } from '../words.js';
import { facts, timeElement } from './elements.js';

export function showRedis({ redis, keys, keysCountedAt, status, prefix }: Stats): void {
  const ours: Parameters<typeof facts>[0] = [
    [
      'Keys of ours',
      keys === null
        ? 'not counted now'
        : [
            count(keys),
            keysCountedAt !== null && h('span', { class: 'hint' }, ' at ', timeElement(keysCountedAt, { withSeconds: true })),
          ],
    ],
    ['Prefix', h('code', {}, prefix)],
  ];
  if (redis === null) {
    const why = status === 'EMBEDDED' ? 'None is configured.' : "It can't be asked now.";
    render(bodyOf('redis'), h('p', {}, why), facts(ours));
    return;
  }
  const { usedMemoryBytes: used, maxMemoryBytes: max } = redis;
  render(
    bodyOf('redis'),
    facts([
      ['Memory', max === null ? `${bytes(used)}, no limit` : [`${bytes(used)} of ${bytes(max)}`, meter(used, max)]],
      ['Evicted', amount(redis.evictedKeys, 'key')],
      ['Policy', redis.evictionPolicy === null ? 'not told' : h('code', {}, redis.evictionPolicy)],
      ['Hit ratio', percent(redis.hitRatio)],
      ['Clients', count(redis.connectedClients)],
      ['Up', [duration(1_000 * redis.uptimeSeconds), h('span', { class: 'hint' }, ` v${redis.version}`)]],
      ...ours,
    ]),
  );
}
