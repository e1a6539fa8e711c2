/**
 * What a `RespProxy` does to the commands and replies that pass: rules, each with what it looks at and what it does. A rule knows no
 * socket; the proxy asks the rules about each frame and does what the first that applies says.
 */

/** A pod's three connections, told apart by what is sent on them; `unknown` until something telling was sent. */
export type ConnectionKind = 'values' | 'commands' | 'subscriber' | 'unknown';

/** Where the rules look: a command on its way to Redis, the reply to it, a message that nobody asked for. */
export type FrameKind = 'command' | 'reply' | 'push';

export type Action =
  /** What follows on the connection in this direction waits too. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Until the rule ends; what follows waits too. */
  | { readonly kind: 'hold' }
  /** Delivers `bytes` at a time, `gapMs` apart. */
  | { readonly kind: 'slice'; readonly bytes: number; readonly gapMs: number }
  /** The frame is lost and the connection stays: what follows is taken for what was lost. */
  | { readonly kind: 'swallow' }
  /** The frame is lost and the connection reset. On a reply: Redis has done it and nobody hears of it. */
  | { readonly kind: 'cut' }
  /** For commands: Redis never hears of it, and these bytes are the reply. */
  | { readonly kind: 'answer'; readonly reply: string };

export interface RuleOptions {
  readonly on: FrameKind;
  /** Names in upper case, of the command itself or of the one replied to. Default: all. */
  readonly commands?: readonly string[];
  /** Default: all. */
  readonly connection?: ConnectionKind;
  /** Strikes each n-th frame that it applies to. Default: 1. */
  readonly every?: number;
  readonly action: Action;
}

/** What is known of a frame. */
export interface Passing {
  readonly on: FrameKind;
  readonly command: string;
  readonly connection: ConnectionKind;
}

export class Rule {
  readonly #options: RuleOptions;
  readonly #onEnd: (rule: Rule) => void;
  #seen = 0;
  #release: () => void = () => undefined;
  /** Resolves when the rule ends. */
  readonly ended = new Promise<void>((resolve) => {
    this.#release = resolve;
  });
  /** How often it has done something. */
  struck = 0;

  constructor(options: RuleOptions, onEnd: (rule: Rule) => void) {
    this.#options = options;
    this.#onEnd = onEnd;
  }

  get action(): Action {
    return this.#options.action;
  }

  /** Whether it strikes this frame; counts both. */
  strikes({ on, command, connection }: Passing): boolean {
    const { commands, connection: only, every = 1 } = this.#options;
    if (on !== this.#options.on || (only !== undefined && only !== connection)) return false;
    if (commands !== undefined && !commands.includes(command)) return false;
    if (++this.#seen % every !== 0) return false;
    this.struck++;
    return true;
  }

  /** From now on it does nothing, and what it holds goes on. */
  end(): void {
    this.#onEnd(this);
    this.#release();
  }
}
