/** A line over the last minutes. What it shows is also said in words: its label has the least, the greatest and the latest value. */
import { svg } from './dom.js';
import { time } from './words.js';

const HEIGHT = 108;
const MARGIN = { top: 14, right: 8, bottom: 18, left: 44 };

export interface PlotOptions {
  readonly name: string;
  /** In CSS pixels. */
  readonly width: number;
  readonly from: number;
  readonly to: number;
  /** By time. A null is a gap. */
  readonly points: readonly { readonly at: number; readonly value: number | null; readonly isComplete: boolean }[];
  readonly marks: readonly { readonly at: number; readonly kind: string; readonly text: string }[];
  /** Top of the scale; undefined: a round number above the greatest value. */
  readonly max: number | undefined;
  readonly write: (value: number) => string;
  /** For the round numbers at the scale. */
  readonly writeScale: (value: number) => string;
  /** A time that somebody points at. */
  readonly cursor: number | undefined;
}

export function plot({ name, width, from, to, points, marks, max, write, writeScale, cursor }: PlotOptions): SVGSVGElement {
  const values = points.flatMap(({ value }) => (value === null ? [] : [value]));
  const top = max ?? roundAbove(Math.max(0, ...values));
  const bottom = HEIGHT - MARGIN.bottom;
  const right = width - MARGIN.right;
  const x = (at: number) => MARGIN.left + ((at - from) / (to - from)) * (right - MARGIN.left);
  const y = (value: number) => bottom - (Math.min(value, top) / top) * (bottom - MARGIN.top);
  const latest = points.at(-1)?.value;
  const label =
    values.length === 0 || latest === undefined
      ? `${name}: nothing yet`
      : `${name}: now ${latest === null ? 'nothing' : write(latest)}, least ${write(Math.min(...values))}, greatest ${write(Math.max(...values))}`;
  const at = (value: number) => value.toFixed(1);
  const line = (value: number) => [
    svg('line', { class: 'grid', x1: MARGIN.left, x2: right, y1: at(y(value)), y2: at(y(value)) }),
    svg('text', { class: 'tick', x: MARGIN.left - 6, y: at(y(value) + 4), 'text-anchor': 'end' }, writeScale(value)),
  ];
  const pointed = cursor === undefined ? undefined : nearest(points, cursor);
  return svg(
    'svg',
    { class: 'plot', role: 'img', 'aria-label': label, width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` },
    incompleteSpans(points).map(([start, end]) =>
      svg('rect', {
        class: 'incomplete',
        x: at(x(start)),
        width: at(Math.max(2, x(end) - x(start))),
        y: MARGIN.top,
        height: bottom - MARGIN.top,
      }),
    ),
    [0, top / 2, top].map(line),
    [0, 2, 4].map((minutes) => {
      const at = x(to - minutes * 60_000).toFixed(1);
      return svg('text', { class: 'tick', x: at, y: HEIGHT - 4, 'text-anchor': minutes === 0 ? 'end' : 'middle' }, ago(minutes));
    }),
    marks.map((mark) =>
      svg(
        'g',
        { class: `marked ${mark.kind}` },
        svg('title', {}, `${time(new Date(mark.at), { withSeconds: true })} ${mark.text}`),
        svg('line', { x1: at(x(mark.at)), x2: at(x(mark.at)), y1: MARGIN.top - 4, y2: bottom }),
        svg('path', { d: mark.kind === 'purge' ? downwards(x(mark.at)) : diamond(x(mark.at)) }),
      ),
    ),
    runs(points).map((run) =>
      svg('path', {
        class: 'line',
        d: run.map(([when, value], i) => `${i === 0 ? 'M' : 'L'}${at(x(when))} ${at(y(value))}`).join(''),
      }),
    ),
    pointed?.value !== undefined &&
      pointed.value !== null && [
        svg('line', { class: 'cursor', x1: at(x(pointed.at)), x2: at(x(pointed.at)), y1: MARGIN.top, y2: bottom }),
        svg('circle', { class: 'dot', cx: at(x(pointed.at)), cy: at(y(pointed.value)), r: 3 }),
      ],
  );
}

/** The point whose time is closest. */
export function nearest<P extends { readonly at: number }>(points: readonly P[], at: number): P | undefined {
  return points.reduce<P | undefined>(
    (best, point) => (best === undefined || Math.abs(point.at - at) < Math.abs(best.at - at) ? point : best),
    undefined,
  );
}

/** The time below a place in the plot. */
export function timeAt(
  offsetX: number,
  { width, from, to }: { readonly width: number; readonly from: number; readonly to: number },
): number {
  return from + ((offsetX - MARGIN.left) / (width - MARGIN.left - MARGIN.right)) * (to - from);
}

/** Lines without their gaps. A value alone between two is a short one, so that it is seen. */
function runs(points: PlotOptions['points']): [number, number][][] {
  const all: [number, number][][] = [[]];
  for (const { at, value } of points) {
    if (value !== null) all.at(-1)?.push([at, value]);
    else if (all.at(-1)?.length !== 0) all.push([]);
  }
  return all.map((run) => (run.length === 1 && run[0] ? [run[0], [run[0][0] + 1_000, run[0][1]]] : run));
}

function incompleteSpans(points: PlotOptions['points']): [number, number][] {
  const spans: [number, number][] = [];
  for (const [i, { at, isComplete }] of points.entries()) {
    if (isComplete) continue;
    const start = points[i - 1]?.at ?? at;
    const last = spans.at(-1);
    if (last?.[1] === start) last[1] = at;
    else spans.push([start, at]);
  }
  return spans;
}

function roundAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return ([1, 2, 4, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

function ago(minutes: number): string {
  return minutes === 0 ? 'now' : `${minutes} min ago`;
}

function downwards(x: number): string {
  return `M${x - 4} 2H${x + 4}L${x} 9Z`;
}

function diamond(x: number): string {
  return `M${x} 1L${x + 4} 5L${x} 9L${x - 4} 5Z`;
}
