/** How figures, times and amounts are written. Pure functions; an amount that is not known is `–`. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const upToTenths = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const clockWithSeconds = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

export const UNKNOWN = '–';

/** `1,204` */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? UNKNOWN : whole.format(value);
}

/** `1 key`, `1,204 keys` */
export function amount(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `94.2 %` of a share of 1. */
export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? UNKNOWN : `${tenths.format(100 * share)} %`;
}

/** `0`, `3.4`, `1,204` */
export function perSecond(value: number | null | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  return value === 0 || value >= 100 ? whole.format(value) : tenths.format(value);
}

/** A round number at a scale: `0`, `2.5`, `1,000` */
export function scale(value: number): string {
  return upToTenths.format(value);
}

/** `15.2 MiB` */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log(Math.max(1, value)) / Math.log(1024)));
  return `${power === 0 ? whole.format(value) : tenths.format(value / 1024 ** power)} ${units[power] as string}`;
}

/** `6 ms`, `1.4 s`, `12 s`, `3 min`, `2 h`, `3 d` */
export function duration(milliseconds: number | null | undefined): string {
  if (milliseconds === null || milliseconds === undefined) return UNKNOWN;
  if (milliseconds < 1_000) return `${whole.format(milliseconds)} ms`;
  const seconds = milliseconds / 1_000;
  if (seconds < 10) return `${tenths.format(seconds)} s`;
  if (seconds < 120) return `${whole.format(seconds)} s`;
  if (seconds < 7_200) return `${whole.format(seconds / 60)} min`;
  if (seconds < 172_800) return `${whole.format(seconds / 3_600)} h`;
  return `${whole.format(seconds / 86_400)} d`;
}

/** `14:02` of today, else `23 Nov 14:02`; local time. */
export function time(at: Date, { withSeconds = false }: { readonly withSeconds?: boolean } = {}): string {
  const text = (withSeconds ? clockWithSeconds : clock).format(at);
  return at.toDateString() === new Date().toDateString() ? text : `${day.format(at)} ${text}`;
}

/** A text as part of a glob that means just that text. */
export function literal(text: string): string {
  return text.replaceAll(/[*?[\]\\]/g, '\\$&');
}
