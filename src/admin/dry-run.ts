/**
 * Counts what a purge would free, a moment after the last key was pressed. An answer that comes late, for what is no longer asked, is
 * dropped; what can't be counted may be purged all the same, and is asked again.
 */
import { type Api, Refusal } from './api.js';
import { ExplainCacheEntryDocument, InvalidateCacheDocument } from './operations.js';
import type { Target } from './requests.js';
import { amount, count } from './words.js';

/** From the last key press to the question: each walks over all keys in Redis. */
const PAUSE_MS = 350;
const AGAIN_MS = 3_000;
/** More ids than these are not looked at one by one. */
const MAX_IDS_LOOKED_AT = 20;

export interface Forecast {
  /** `counting`: wait. `refused`: what is named can't be purged. `uncounted`: it can. */
  readonly state: 'empty' | 'counting' | 'counted' | 'uncounted' | 'refused';
  /** Beside the form. */
  readonly sentence: string;
  /** On the button. */
  readonly button: string;
}

export class DryRun {
  readonly #api: Api;
  readonly #onForecast: (forecast: Forecast) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  constructor(api: Api, onForecast: (forecast: Forecast) => void) {
    this.#api = api;
    this.#onForecast = onForecast;
  }

  /** @param target undefined: nothing is named. */
  of(target: Target | undefined): void {
    clearTimeout(this.#timer);
    this.#asked++;
    if (target === undefined) return this.#onForecast({ state: 'empty', sentence: '', button: 'Purge' });
    this.#onForecast({ state: 'counting', sentence: 'Counting what it matches …', button: 'Purge' });
    this.#ask(target, PAUSE_MS);
  }

  #ask(target: Target, inMs: number): void {
    const asked = this.#asked;
    this.#timer = setTimeout(async () => {
      const forecast = await this.#forecast(target);
      if (asked !== this.#asked) return;
      this.#onForecast(forecast);
      if (forecast.state === 'uncounted' && this.#api.isSignedIn) this.#ask(target, AGAIN_MS);
    }, inMs);
  }

  async #forecast(target: Target): Promise<Forecast> {
    try {
      return 'pattern' in target ? await this.#ofPattern(target.pattern) : await this.#ofIds(target.ids);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { kind, message } = error;
      return kind === 'input' || kind === 'forbidden'
        ? { state: 'refused', sentence: message, button: 'Purge' }
        : uncounted(target, message);
    }
  }

  async #ofPattern(pattern: string): Promise<Forecast> {
    const { invalidateCache } = await this.#api.ask(InvalidateCacheDocument, { pattern, dryRun: true });
    const matched = invalidateCache?.matched ?? null;
    if (matched === null) return uncounted({ pattern }, "Redis can't be asked.");
    return {
      state: 'counted',
      sentence: `${amount(matched, 'key')} ${matched === 1 ? 'matches' : 'match'}. Responses built from them go too.`,
      button: `Purge ${amount(matched, 'key')}`,
    };
  }

  async #ofIds(ids: readonly string[]): Promise<Forecast> {
    const button = `Purge ${amount(ids.length, 'device')}`;
    const also = 'Their chains, listings and responses go too.';
    if (ids.length > MAX_IDS_LOOKED_AT) return { state: 'counted', sentence: also, button };
    const entries = await Promise.all(ids.map((id) => this.#api.ask(ExplainCacheEntryDocument, { key: `device_meta:${id}` })));
    const cached = entries.filter(({ explainCacheEntry: entry }) => entry?.servable === true).length;
    return {
      state: 'counted',
      sentence: `${count(cached)} of ${count(ids.length)} ${cached === 1 ? 'is' : 'are'} cached now. ${also}`,
      button,
    };
  }
}

function uncounted(target: Target, reason: string): Forecast {
  return {
    state: 'uncounted',
    sentence: `Keys can't be counted now: ${reason} A purge is put on record all the same.`,
    button: 'pattern' in target ? 'Purge what matches' : `Purge ${amount(target.ids.length, 'device')}`,
  };
}
