/**
 * Globs exactly as Redis matches them (`*`, `?`, `[a-z]`, `[^a]`, `\`), byte by byte: a port of `stringmatchlen` in Redis's
 * `src/util.c`. Invalidations by pattern are matched here when an entry is served, and by Redis when keys are freed, so the two
 * must agree on every pattern, however odd.
 */

const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const DASH = 0x2d;
const BACKSLASH = 0x5c;

/** A pattern prepared for matching many strings. */
export class Glob {
  readonly #pattern: Buffer;

  constructor(readonly text: string) {
    this.#pattern = Buffer.from(text);
  }

  /** @param text as Redis has it, in UTF-8; worth preparing when many globs are tried on it. */
  matches(text: string | Buffer): boolean {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    return matchHere(this.#pattern, 0, bytes, 0, { skipLonger: false });
  }
}

/** `skipLonger`: the string ran out behind a `*`; no longer remainder can match either, which keeps `a*a*a*…` linear. */
function matchHere(pattern: Buffer, p: number, text: Buffer, t: number, state: { skipLonger: boolean }): boolean {
  while (p < pattern.length && t < text.length) {
    switch (pattern[p]) {
      case STAR: {
        while (pattern[p + 1] === STAR) p++;
        if (p + 1 === pattern.length) return true;
        for (; t < text.length; t++) {
          if (matchHere(pattern, p + 1, text, t, state)) return true;
          if (state.skipLonger) return false;
        }
        state.skipLonger = true;
        return false;
      }
      case QUESTION:
        t++;
        break;
      case OPEN: {
        const set = matchSet(pattern, p + 1, text[t] as number);
        if (!set.matches) return false;
        p = set.end;
        t++;
        break;
      }
      default:
        if (pattern[p] === BACKSLASH && p + 1 < pattern.length) p++;
        if (pattern[p] !== text[t]) return false;
        t++;
    }
    p++;
    if (t === text.length) {
      while (pattern[p] === STAR) p++;
      break;
    }
  }
  return p === pattern.length && t === text.length;
}

/** Matches one byte against the set that begins at `p`, behind its `[`. `end` is the index of the `]`, or of the last byte without one. */
function matchSet(pattern: Buffer, p: number, byte: number): { matches: boolean; end: number } {
  const negated = pattern[p] === CARET;
  if (negated) p++;
  let matches = false;
  for (; ; p++) {
    if (pattern[p] === BACKSLASH && p + 1 < pattern.length) {
      p++;
      if (pattern[p] === byte) matches = true;
    } else if (pattern[p] === CLOSE) {
      break;
    } else if (p >= pattern.length) {
      p--;
      break;
    } else if (pattern[p + 1] === DASH && p + 2 < pattern.length) {
      const [from, to] = [signed(pattern[p] as number), signed(pattern[p + 2] as number)];
      p += 2;
      if (signed(byte) >= Math.min(from, to) && signed(byte) <= Math.max(from, to)) matches = true;
    } else if (pattern[p] === byte) {
      matches = true;
    }
  }
  return { matches: matches !== negated, end: p };
}

/** Redis compares the ends of a range as C's `char`, which is signed on x86. */
function signed(byte: number): number {
  return (byte << 24) >> 24;
}

/**
 * The text of a pattern up to its first `:`, escaped or not, when no wildcard comes before, as `device_meta` in
 * `device_meta:green*`; the whole text when there is neither. Undefined when a wildcard comes first.
 */
export function literalFirstSegment(pattern: string): string | undefined {
  let segment = '';
  for (let i = 0; i < pattern.length; i++) {
    if ('*?['.includes(pattern[i] as string)) return undefined;
    if (pattern[i] === '\\' && i + 1 < pattern.length) i++;
    if (pattern[i] === ':') return segment;
    segment += pattern[i] as string;
  }
  return segment;
}
