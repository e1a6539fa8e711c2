/** Keys as a tree of what they begin with, so that thousands can be looked through. Pure. */

export interface Branch<Entry> {
  /** What every key below begins with. */
  readonly prefix: string;
  readonly branches: readonly Branch<Entry>[];
  /** Those in no branch. */
  readonly leaves: readonly Entry[];
  /** All entries below. */
  readonly size: number;
}

/** More leaves than these are parted by their next letter. */
const MAX_LEAVES = 24;
/** A part of a key with what ends it. */
const PART = /^[^:|\-_./ ]*[:|\-_./ ]+/;

/** @param entries in any order; they all begin with `prefix`. */
export function treeOf<Entry extends { readonly key: string }>(entries: readonly Entry[], prefix = ''): Branch<Entry> {
  const sorted = entries.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  return grow(sorted, commonPrefix(sorted, prefix));
}

function grow<Entry extends { readonly key: string }>(entries: readonly Entry[], prefix: string): Branch<Entry> {
  const rest = ({ key }: Entry) => key.slice(prefix.length);
  const byPart = part(entries, (entry) => PART.exec(rest(entry))?.[0]);
  // Nothing is gained where every key has a part of its own.
  const parted =
    entries.length > MAX_LEAVES && byPart.leaves.length > MAX_LEAVES
      ? part(entries, (entry) => /^./su.exec(rest(entry))?.[0])
      : byPart;
  const branches = parted.groups.map((group) => grow(group, commonPrefix(group, prefix)));
  return { prefix, branches, leaves: parted.leaves, size: entries.length };
}

/** Groups of two or more; the others are leaves. */
function part<Entry>(
  entries: readonly Entry[],
  groupOf: (entry: Entry) => string | undefined,
): { readonly groups: Entry[][]; readonly leaves: Entry[] } {
  const groups = new Map<string | undefined, Entry[]>();
  for (const entry of entries) {
    const name = groupOf(entry);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [entry]);
    else group.push(entry);
  }
  const isGroup = ([name, group]: readonly [string | undefined, Entry[]]) => name !== undefined && group.length > 1;
  const all = [...groups];
  return {
    groups: all.filter(isGroup).map(([, group]) => group),
    leaves: all.filter((each) => !isGroup(each)).flatMap(([, group]) => group),
  };
}

/** The longest prefix of all, at the end of a part where there is one. Of one entry: the one that it came with. */
function commonPrefix(entries: readonly { readonly key: string }[], atLeast: string): string {
  const [first, last] = [entries[0]?.key ?? '', entries.at(-1)?.key ?? ''];
  if (entries.length < 2) return atLeast;
  let length = 0;
  while (length < first.length && first[length] === last[length]) length++;
  // Not in the middle of a character.
  const common = first.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');
  const end = common.search(/[:|\-_./ ][^:|\-_./ ]*$/) + 1;
  return end > atLeast.length ? common.slice(0, end) : common.length > atLeast.length ? common : atLeast;
}
