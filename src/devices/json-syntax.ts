/**
 * Says where a text stops being JSON, which `JSON.parse` tells only for some errors and in words that differ between Node versions
 * and quote the text, secrets included. Pure. Called by `devices-file.ts`, and only after `JSON.parse` has refused.
 */

const TOKEN =
  /[ \t\n\r]*(?:([[{}\],:])|("(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;

/** What may come next: a value, a key, the colon after it, or what follows a value. `first` also allows an empty `{}` or `[]` to end. */
type Expected = 'value' | 'firstValue' | 'key' | 'firstKey' | 'colon' | 'end';

/** The line, counted from 1, of the first token that can't stand where it stands, or of the end when the text is incomplete. */
export function lineOfSyntaxError(text: string): number {
  const open: ('{' | '[')[] = [];
  let expected: Expected = 'value';
  let offset = 0;
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const next = step(expected, match[1] ?? (match[2] === undefined ? 'literal' : 'string'), open);
    if (next === undefined) break;
    expected = next;
    offset = TOKEN.lastIndex;
  }
  const start = offset + (/^[ \t\n\r]*/.exec(text.slice(offset))?.[0].length ?? 0);
  return text.slice(0, start).split('\n').length;
}

/** What may follow the token, or undefined when it can't stand here. `open` holds the brackets around it. */
function step(expected: Expected, token: string, open: ('{' | '[')[]): Expected | undefined {
  const around = open.at(-1);
  if (expected === 'colon') return token === ':' ? 'value' : undefined;
  if (expected === 'end' && token === ',') return around && (around === '{' ? 'key' : 'value');
  if (token === '}' && around === '{' && (expected === 'end' || expected === 'firstKey')) return close(open);
  if (token === ']' && around === '[' && (expected === 'end' || expected === 'firstValue')) return close(open);
  if (expected === 'key' || expected === 'firstKey') return token === 'string' ? 'colon' : undefined;
  if (expected === 'end') return undefined;
  if (token === 'string' || token === 'literal') return 'end';
  if (token !== '{' && token !== '[') return undefined;
  open.push(token);
  return token === '{' ? 'firstKey' : 'firstValue';
}

function close(open: ('{' | '[')[]): Expected {
  open.pop();
  return 'end';
}
