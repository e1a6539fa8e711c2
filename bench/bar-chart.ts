/** A bar chart as SVG text, lying bars in groups, for the README. Each group has a scale of its own. */

export interface BarGroup {
  readonly name: string;
  readonly bars: readonly { readonly name: string; readonly value: number }[];
}

/** In pixels. */
const WIDTH = 720;
const NAMES_WIDTH = 210;
const BAR_HEIGHT = 18;
const GROUP_HEAD = 30;
const TITLE_HEIGHT = 30;
const VALUE_WIDTH = 70;
/** By the beginning of a bar's name: ours stands out, the limit recedes. */
const COLOURS: readonly (readonly [string, string])[] = [
  ['this server', '#2a7f4f'],
  ['node:http', '#b8b8b8'],
  ['', '#7a93b8'],
];

export function barChart(title: string, groups: readonly BarGroup[]): string {
  let y = TITLE_HEIGHT;
  const parts: string[] = [];
  for (const { name, bars } of groups) {
    parts.push(`<text x="8" y="${y + 18}" font-weight="bold">${escaped(name)}</text>`);
    y += GROUP_HEAD;
    const most = Math.max(...bars.map(({ value }) => value));
    for (const bar of bars) {
      const width = ((WIDTH - NAMES_WIDTH - VALUE_WIDTH) * bar.value) / most;
      const colour = COLOURS.find(([start]) => bar.name.startsWith(start))![1];
      parts.push(
        `<text x="${NAMES_WIDTH - 8}" y="${y + 13}" text-anchor="end">${escaped(bar.name)}</text>`,
        `<rect x="${NAMES_WIDTH}" y="${y + 2}" width="${width.toFixed(1)}" height="${BAR_HEIGHT - 4}" fill="${colour}"/>`,
        `<text x="${(NAMES_WIDTH + width + 6).toFixed(1)}" y="${y + 13}">${Math.round(bar.value).toLocaleString('en')}</text>`,
      );
      y += BAR_HEIGHT;
    }
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 10}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="8" y="20" font-size="14">${escaped(title)}</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
