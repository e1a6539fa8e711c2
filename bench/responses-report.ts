/** What `responses` has found: a table of requests per second of processor time, the aims beside the figures, and the bars of the plot. */
import { LIMIT_NAME, OURS, PEER_HITS, PEER_MISSES } from './contenders.js';
import { type Aim, type Findings, number } from './report.js';
import { barChart } from './bar-chart.js';
import { median } from './statistics.js';
import type { Wire } from './wire.js';

/** One kind of request. */
export interface Cell {
  readonly size: number;
  readonly method: 'GET' | 'POST';
  /** By the names of the contenders that took part. */
  readonly rounds: readonly ReadonlyMap<string, Wire>[];
}

/** Shares of the limit, by devices in a response. */
const AIMS_OF_HITS = { l1: { 1: 0.85, 100: 0.85 }, l2: { 1: 0.8, 100: 0.5 } } as const;
/** Times the best peer's hit, by devices in a response. */
const AIMS_OVER_PEERS = { l1: { 1: 1, 100: 5 }, l2: { 1: 1, 100: 1 } } as const;
const AIMS_OF_MISSES = { apollo: { 1: 2, 100: 4 }, mercurius: { 1: 0.8, 100: 1.1 } } as const;

const NAMES = [LIMIT_NAME, ...[...Object.values(OURS), ...PEER_HITS, ...Object.values(PEER_MISSES)].map(({ name }) => name)];

export function findingsOfResponses(cells: readonly Cell[], notes: readonly string[]): Findings {
  const hasCpu = cells.every(({ rounds }) =>
    rounds.every((round) => [...round.values()].every(({ cpuMs }) => cpuMs !== undefined)),
  );
  const perCpuSecond = ({ cpuMs, perSecond }: Wire): number => (hasCpu ? 1_000 / cpuMs! : perSecond);
  const unit = hasCpu ? 'requests per second of processor time' : 'requests/s';
  const tables = [tableOf(`${unit} (share of the limit)`, cells, perCpuSecond)];
  if (hasCpu) tables.push(tableOf('requests/s as it went (share of the limit)', cells, ({ perSecond }) => perSecond));
  const plot = barChart(
    `${unit}, by devices in the response`,
    cells.map((cell) => ({
      name: labelOf(cell),
      bars: NAMES.flatMap((name) => {
        const value = medianOf(cell, name, perCpuSecond);
        return value === undefined ? [] : [{ name, value }];
      }),
    })),
  );
  return {
    rows: [],
    aims: cells.flatMap((cell) => aimsOf(cell, perCpuSecond)),
    notes: [...notes, 'A share is taken within a round; shown is the median. Processor time is the server process alone.'],
    tables,
    plots: [{ file: 'responses.svg', svg: plot }],
  };
}

function labelOf({ size, method }: Cell): string {
  return `${size} ${method}`;
}

function tableOf(title: string, cells: readonly Cell[], rate: (wire: Wire) => number): string[][] {
  const rows = NAMES.map((name) => [
    name,
    ...cells.flatMap((cell) => {
      const value = medianOf(cell, name, rate);
      return value === undefined ? ['', ''] : [number(value), `(${ratioOf(cell, name, [LIMIT_NAME], rate)!.toFixed(2)})`];
    }),
  ]);
  return [[title, ...cells.flatMap((cell) => [labelOf(cell), ''])], ...rows];
}

function medianOf({ rounds }: Cell, name: string, rate: (wire: Wire) => number): number | undefined {
  const wires = rounds.map((round) => round.get(name)).filter((wire) => wire !== undefined);
  return wires.length === 0 ? undefined : median(wires.map(rate));
}

/** The median of the rounds' ratios to the best of the others; undefined when somebody did not take part. */
function ratioOf({ rounds }: Cell, name: string, others: readonly string[], rate: (wire: Wire) => number): number | undefined {
  const ratios = rounds.map((round) => {
    const wires = [name, ...others].map((each) => round.get(each)).filter((wire) => wire !== undefined);
    if (wires.length <= others.length) return undefined;
    const [own = 0, ...rates] = wires.map(rate);
    return own / Math.max(...rates);
  });
  return ratios.includes(undefined) ? undefined : median(ratios.filter((ratio) => ratio !== undefined));
}

function aimsOf(cell: Cell, rate: (wire: Wire) => number): Aim[] {
  const size = cell.size as 1 | 100;
  const what = `${size} device${size === 1 ? '' : 's'}, ${cell.method}:`;
  const aim = (text: string, name: string, others: readonly string[], least: number): Aim[] => {
    const ratio = ratioOf(cell, name, others, rate);
    if (ratio === undefined) return [];
    return [{ what: `${what} ${text}, at least ${least}`, figure: ratio.toFixed(2), isMet: ratio >= least }];
  };
  const peers = PEER_HITS.map(({ name }) => name);
  return [
    ...(['l1', 'l2'] as const).flatMap((tier) => [
      ...aim(`${tier.toUpperCase()} hit to the limit`, OURS[tier].name, [LIMIT_NAME], AIMS_OF_HITS[tier][size]),
      ...aim(`${tier.toUpperCase()} hit to the best peer's Redis hit`, OURS[tier].name, peers, AIMS_OVER_PEERS[tier][size]),
    ]),
    ...(['apollo', 'mercurius'] as const).flatMap((peer) =>
      aim(`miss to ${PEER_MISSES[peer].name}`, OURS.miss.name, [PEER_MISSES[peer].name], AIMS_OF_MISSES[peer][size]),
    ),
  ];
}
