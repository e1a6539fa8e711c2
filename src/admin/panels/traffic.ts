/** Hit ratio, loads and requests over the last minutes, with what happened meanwhile: purges, and pods that came or went. */
import { bodyOf, h, render } from '../dom.js';
import { nearest, plot, timeAt } from '../plot.js';
import { type Mark, type Point, WINDOW_MS } from '../traffic.js';
import { percent, perSecond, scale, UNKNOWN } from '../words.js';
import { timeElement } from './elements.js';

const EVENTS = 6;
const TICK_MS = 2_000;

interface Series {
  readonly name: string;
  readonly hint: string;
  readonly valueOf: (point: Point) => number | null;
  readonly write: (value: number | null | undefined) => string;
  readonly writeScale: (value: number) => string;
  readonly max?: number;
}

const SERIES: readonly Series[] = [
  {
    name: 'Hit ratio',
    hint: 'of look-ups',
    valueOf: ({ hitRatio }) => hitRatio,
    write: percent,
    writeScale: (share) => `${scale(100 * share)} %`,
    max: 1,
  },
  {
    name: 'Loads per second',
    hint: 'keys asked of the database',
    valueOf: ({ loads }) => loads,
    write: perSecond,
    writeScale: scale,
  },
  {
    name: 'Requests per second',
    hint: 'GraphQL queries, all pods',
    valueOf: ({ requests }) => requests,
    write: perSecond,
    writeScale: scale,
  },
];

export class TrafficPanel {
  readonly #body = bodyOf('traffic');
  #points: readonly Point[] = [];
  #marks: readonly Mark[] = [];
  #cursor: number | undefined;
  #to = Date.now();

  constructor() {
    this.#body.addEventListener('pointermove', (event) => this.#point(event as PointerEvent));
    this.#body.addEventListener('pointerleave', () => {
      this.#cursor = undefined;
      this.#draw();
    });
    new ResizeObserver(() => requestAnimationFrame(() => this.#draw())).observe(this.#body);
  }

  show(points: readonly Point[], marks: readonly Mark[]): void {
    this.#points = points;
    this.#marks = marks.toSorted((a, b) => a.at - b.at);
    this.#to = points.at(-1)?.at ?? Date.now();
    this.#draw();
  }

  #draw(): void {
    const width = this.#width();
    const [from, to] = [this.#to - WINDOW_MS, this.#to];
    const pointed = this.#cursor === undefined ? undefined : nearest(this.#points, this.#cursor);
    const shown = pointed ?? this.#points.at(-1);
    const marks = this.#marks
      .filter(({ at }) => at > from && at <= to + TICK_MS)
      .map((mark) => ({ ...mark, at: Math.min(mark.at, to) }));
    render(
      this.#body,
      h(
        'div',
        { class: 'plots' },
        SERIES.map(({ name, hint, valueOf, write, writeScale, max }) =>
          h(
            'figure',
            {},
            h(
              'figcaption',
              {},
              h('span', { class: 'name' }, name),
              h('span', { class: 'value' }, shown === undefined ? UNKNOWN : write(valueOf(shown))),
              h(
                'span',
                { class: 'hint' },
                pointed === undefined ? hint : ['at ', timeElement(new Date(pointed.at), { withSeconds: true })],
              ),
            ),
            plot({
              name,
              width,
              from,
              to,
              points: this.#points.map((point) => ({ at: point.at, value: valueOf(point), isComplete: point.isComplete })),
              marks,
              max,
              write,
              writeScale,
              cursor: pointed?.at,
            }),
          ),
        ),
      ),
      this.#legend(marks),
    );
  }

  #legend(marks: readonly Mark[]): HTMLElement {
    const isIncomplete = this.#points.some((point) => !point.isComplete);
    return h(
      'ul',
      { class: 'events', 'aria-label': 'What happened' },
      marks.length === 0 && h('li', { class: 'quiet' }, 'No purge and no change of pods in this time.'),
      marks
        .slice(-EVENTS)
        .map(({ at, kind, text }) =>
          h(
            'li',
            { class: kind },
            h('span', { 'aria-hidden': 'true', class: 'mark' }, kind === 'purge' ? '▼' : '◆'),
            ' ',
            timeElement(new Date(at), { withSeconds: true }),
            ` ${text}`,
          ),
        ),
      isIncomplete && h('li', { class: 'quiet' }, h('span', { class: 'swatch incomplete' }), ' not all pods were counted'),
    );
  }

  #point(event: PointerEvent): void {
    const drawing = (event.target as Element).closest('svg');
    this.#cursor =
      drawing === null
        ? undefined
        : timeAt(event.clientX - drawing.getBoundingClientRect().left, {
            width: this.#width(),
            from: this.#to - WINDOW_MS,
            to: this.#to,
          });
    this.#draw();
  }

  /** As wide as the style sheet makes a figure; before the first drawing, as the panel. */
  #width(): number {
    const figure = this.#body.querySelector('figure');
    return Math.max(160, Math.floor((figure ?? this.#body).clientWidth));
  }
}
