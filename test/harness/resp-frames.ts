/**
 * Cuts a stream of RESP2 or RESP3 into its frames: commands in one direction, replies and pushes in the other. It knows where a frame
 * ends and what it is called, nothing more. Used by `resp-proxy.ts`.
 */

const CR = 0x0d;
const [ARRAY, SET, PUSH, MAP, ATTRIBUTE] = ['*', '~', '>', '%', '|'].map((type) => type.charCodeAt(0));
const [BULK, VERBATIM, BLOB_ERROR] = ['$', '=', '!'].map((type) => type.charCodeAt(0));

/** Collects the bytes of one direction of a connection and gives them back frame by frame. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The frames that are complete with these bytes, each with all of its own bytes. */
  read(bytes: Buffer): Buffer[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const frames: Buffer[] = [];
    let start = 0;
    for (;;) {
      const end = frameEnd(this.#rest, start);
      if (end === undefined) break;
      frames.push(this.#rest.subarray(start, end));
      start = end;
    }
    this.#rest = this.#rest.subarray(start);
    return frames;
  }
}

/** Where the frame that begins at `start` ends; undefined while it is incomplete. */
function frameEnd(bytes: Buffer, start: number): number | undefined {
  const lineEnd = bytes.indexOf('\r\n', start);
  if (lineEnd === -1) return undefined;
  const next = lineEnd + 2;
  const type = bytes[start];
  switch (type) {
    case BULK:
    case VERBATIM:
    case BLOB_ERROR: {
      const length = lengthAt(bytes, start);
      const end = length < 0 ? next : next + length + 2;
      return end <= bytes.length ? end : undefined;
    }
    case ARRAY:
    case SET:
    case PUSH:
      return endOfMembers(bytes, next, lengthAt(bytes, start));
    case MAP:
      return endOfMembers(bytes, next, 2 * lengthAt(bytes, start));
    case ATTRIBUTE: // stands before the reply that it belongs to
      return endOfMembers(bytes, next, 2 * lengthAt(bytes, start) + 1);
    default:
      return next;
  }
}

function endOfMembers(bytes: Buffer, start: number, count: number): number | undefined {
  let end = start;
  for (let member = 0; member < count; member++) {
    const memberEnd = frameEnd(bytes, end);
    if (memberEnd === undefined) return undefined;
    end = memberEnd;
  }
  return end;
}

/** The number in the first line of a frame. */
function lengthAt(bytes: Buffer, start: number): number {
  return Number(bytes.toString('latin1', start + 1, bytes.indexOf(CR, start)));
}

/** The name of a command, in upper case; empty for what is no array of bulk strings. */
export function commandName(frame: Buffer): string {
  if (frame[0] !== ARRAY) return '';
  return memberAt(frame, frame.indexOf('\r\n') + 2).toUpperCase();
}

/** What a push is: a frame of its own type in RESP3, in RESP2 an array that only a subscription sends. */
export function isPush(frame: Buffer): boolean {
  if (frame[0] === PUSH) return true;
  return frame[0] === ARRAY && /^[ps]?message$/.test(memberAt(frame, frame.indexOf('\r\n') + 2));
}

function memberAt(frame: Buffer, start: number): string {
  if (frame[start] !== BULK) return '';
  const textStart = frame.indexOf('\r\n', start) + 2;
  return frame.toString('latin1', textStart, textStart + lengthAt(frame, start));
}
