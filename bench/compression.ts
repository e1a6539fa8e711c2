/**
 * Whether large responses should be compressed in Redis: what it would save there, and what a hit would cost beside one as it is now,
 * both read from the same Redis by the same client. Nothing of it is in the server.
 */
import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync, gzipSync } from 'node:zlib';
import { createClient } from '@keyv/redis';
import { bodyEntry } from '../src/cache/cache.js';
import { packBody, unpackBody } from '../src/cache/body.js';
import { bodyFor } from './ask.js';
import { askContender, UNCACHED } from './contenders.js';
import { ids } from './fleet.js';
import { type Parts, urlOfRedis } from './parts.js';
import { type Findings, number, type Row } from './report.js';
import { median, spread } from './statistics.js';

const DEVICES = 100;
const HITS_A_ROUND = 500;
const KEY = 'compression:response:';

const BROTLI_1 = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
const CODECS = {
  'gzip 1': { pack: (bytes: Buffer) => gzipSync(bytes, { level: 1 }), unpack: (bytes: Buffer) => gunzipSync(bytes) },
  'brotli 1': {
    pack: (bytes: Buffer) => brotliCompressSync(bytes, BROTLI_1),
    unpack: (bytes: Buffer) => brotliDecompressSync(bytes),
  },
} as const;

/** @param rounds not counting the first, which is thrown away. */
export async function measureCompression(parts: Parts, rounds: number): Promise<Findings> {
  const packed = await packedResponse(parts);
  const client = createClient({ url: urlOfRedis(parts.redisPort) });
  await client.connect();
  const buffers = client.withTypeMapping({ 0x24: Buffer }); // RESP's bulk strings
  parts.cores.move('measured');
  try {
    const rows: Row[] = [];
    const plain = { pack: (bytes: Buffer) => bytes, unpack: (bytes: Buffer) => bytes };
    for (const [name, codec] of Object.entries(CODECS)) {
      const compressed = codec.pack(packed);
      await client.set(`${KEY}plain`, packed);
      await client.set(`${KEY}compressed`, compressed);
      const hit = async (key: string, { unpack }: typeof plain): Promise<number> => {
        const before = process.cpuUsage();
        for (let i = 0; i < HITS_A_ROUND; i++) {
          const [found] = await buffers.mGet([`${KEY}${key}`]);
          if (unpackBody(unpack(found as Buffer))?.x.content.length === undefined) throw new Error(`${name}: not the response`);
        }
        const { user, system } = process.cpuUsage(before);
        return (user + system) / HITS_A_ROUND;
      };
      const figures: { plain: number; compressed: number }[] = [];
      for (let round = 0; round <= rounds; round++) {
        figures.push({ plain: await hit('plain', plain), compressed: await hit('compressed', codec) });
      }
      figures.shift();
      rows.push(
        {
          what: `response of ${String(DEVICES)} devices in Redis, ${name}, bytes`,
          figure: number(compressed.length),
          against: { name: 'as it is', figure: number(packed.length) },
          ratio: spread([compressed.length / packed.length]),
        },
        {
          what: `its hit, read and unpacked, ${name}, µs of processor time`,
          figure: number(median(figures.map((figure) => figure.compressed))),
          against: { name: 'as it is', figure: number(median(figures.map((figure) => figure.plain))) },
          ratio: spread(figures.map((figure) => figure.compressed / figure.plain)),
        },
      );
    }
    return { rows, aims: [], notes: [] };
  } finally {
    parts.cores.move('beside');
    await client.unlink([`${KEY}plain`, `${KEY}compressed`]);
    client.destroy();
  }
}

/** A response as the server stores it, with three tags for each device. */
async function packedResponse(parts: Parts): Promise<Buffer> {
  const server = await UNCACHED.start(parts);
  try {
    const asked = ids(0, DEVICES);
    const { text } = await askContender(server, { method: 'POST', path: '/graphql', body: bodyFor(asked) });
    const tags = asked.flatMap((id) => [`device_meta:${id}`, `device:${id}`, `chain:${'0'.repeat(36)}|${id}`]);
    const stamp = { e: 'epoch', s: 1, t: Date.now(), f: 60, w: 0 };
    return packBody(
      bodyEntry({ meta: { etag: '"0"' }, bytes: Buffer.from(text) }, [`response:${'0'.repeat(64)}`, ...tags], stamp),
    );
  } finally {
    await server.stop();
  }
}
