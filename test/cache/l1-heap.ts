/**
 * Fills the memory tier with ten times what it may hold and prints by how much the heap has grown, as JSON: a process of its own,
 * because that is how the garbage collector can be asked. Started by `l1.test.ts` with `--expose-gc`.
 */
import type { Entry } from '../../src/cache/entry.js';
import { Ledger } from '../../src/cache/protocol/ledger.js';
import { L1 } from '../../src/cache/tiers/l1.js';

const [shape, bound] = process.argv.slice(2) as [string, string];
const maxBytes = Number(bound);

/** Values as they come from devices, of every kind that makes a heap larger than its JSON. */
const SHAPES: Record<string, (i: number) => unknown> = {
  absent: () => null,
  plain: (i) => device(i, { description: 'A bed of tomatoes in the southern greenhouse' }),
  accented: (i) => device(i, { description: 'Gewächshaus für Tomaten, Südseite. '.repeat(6) }),
  wide: (i) => device(i, { name: '温室の床', description: '温室の床 🌱 '.repeat(40) }),
  big: (i) => device(i, { description: `${i} ${'x'.repeat(4_000)}` }),
  chain: (i) => device(i, { deviceIds: Array.from({ length: 60 }, (_, n) => `${n}-greenhouse-${i}`) }),
  mixed: (i) => SHAPES[['absent', 'plain', 'accented', 'wide', 'big', 'chain'][i % 6]!]!(i),
};

function device(i: number, fields: object): object {
  const owner = `0ad00000-0000-4000-8000-${String(i).padStart(12, '0')}`;
  const deviceId = `greenhouse-${i}`;
  return { owner, deviceId, name: `Bed ${i}`, description: '', isPrivate: false, deviceIds: [deviceId], ...fields };
}

function entry(i: number, key: string): Entry {
  const x = SHAPES[shape]!(i) as { deviceIds?: string[] } | null;
  const d = [key, `device:greenhouse-${i}`, ...(x?.deviceIds ?? []).map((id) => `device:${id}`)];
  return { v: 1, e: 'e3a1c9b2-0000-4000-8000-000000000000', s: 7, t: 1_700_000_000_123 + i, f: 287.113 + (i % 90) / 1000, d, x };
}

function heapBytes(): number {
  for (let i = 0; i < 4; i++) globalThis.gc!();
  return process.memoryUsage().heapUsed;
}

/** Offers entries until ten times the bound has gone in, as JSON: much more in memory. */
function fill(l1: L1): void {
  let offered = 0;
  for (let i = 0; offered < 10 * maxBytes; i++) {
    const key = `device_meta:greenhouse-${i}`;
    const text = JSON.stringify(entry(i, key));
    l1.set(key, JSON.parse(text) as Entry, 600);
    offered += text.length;
  }
}

const ledger = new Ledger();
ledger.reset('e3a1c9b2-0000-4000-8000-000000000000', 0);
const open = (bytes: number) => new L1(bytes, ledger, () => 1_700_000_000_000);
fill(open(10_000)); // code, shapes and tables that are made once
const before = heapBytes();
const l1 = open(maxBytes);
fill(l1);
console.log(JSON.stringify({ shape, grownBytes: heapBytes() - before, bytes: l1.bytes, entries: l1.size }));
