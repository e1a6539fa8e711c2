/** The few questions about text that JavaScript's strings, which are UTF-16, don't answer as a database of UTF-8 does. Pure. */

/** False when the text contains half of a surrogate pair: then it has no UTF-8 form, and no database can hold it. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** Orders two texts by their UTF-8 bytes, as MongoDB does: negative, zero or positive. `<` orders by UTF-16 units. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Surrogates stand for characters beyond U+FFFF, so they come after every other unit, U+E000 to U+FFFF included. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
