/** Where the token comes from. It is handed on and cleared from the field: kept in memory by the API client, and nowhere else. */
import { sentenceOf } from '../api.js';
import { byId, h } from '../dom.js';
import type { Settings } from '../settings.js';
import { fieldLabel } from './elements.js';

const SOURCES: Readonly<Record<Settings['tokens'], string>> = {
  demo: 'This is the demo: the start printed a token behind “admin:”, in the terminal in which it was started.',
  secret: 'This server accepts HS256 tokens signed with its JWT_SECRET.',
  oidc: 'This server accepts tokens of its issuer, OIDC_ISSUER.',
  none: 'This server accepts no bearer tokens: set OIDC_ISSUER and start it again.',
};

export interface SignInActions {
  /** Resolves with what is wrong with the token, or undefined. */
  readonly use: (token: string) => Promise<string | undefined>;
  /** Undefined where the issuer is not asked. */
  readonly redirect: (() => Promise<string | undefined>) | undefined;
}

export class SignInPanel {
  readonly #panel = byId('sign-in');
  readonly #reason = h('p', { class: 'reason', role: 'alert' });
  readonly #token = h('input', {
    type: 'password',
    id: 'token',
    class: 'code',
    autocomplete: 'off',
    spellcheck: 'false',
    required: true,
  });

  constructor(settings: Settings, actions: SignInActions) {
    const submit = async (event: SubmitEvent) => {
      event.preventDefault();
      const token = this.#token.value.trim().replace(/^(admin:|bearer)\s+/i, '');
      if (token === '') return;
      this.#token.value = '';
      this.#reason.textContent = '';
      this.#reason.textContent = (await actions.use(token)) ?? '';
    };
    const { redirect } = actions;
    const askIssuer = async () => {
      this.#reason.textContent = '';
      try {
        this.#reason.textContent = (await redirect?.()) ?? '';
      } catch (error) {
        this.#reason.textContent = sentenceOf(error);
      }
    };
    this.#panel.append(
      this.#reason,
      redirect === undefined ? '' : h('p', {}, h('button', { type: 'button', onclick: askIssuer }, 'Sign in at the issuer')),
      h(
        'form',
        { onsubmit: submit },
        fieldLabel(this.#token, 'Bearer token', 'with the permission cache:read, or cache:admin to purge'),
        h('div', { class: 'row' }, this.#token, h('button', { type: 'submit' }, 'Show the cache')),
      ),
      h('p', { class: 'hint' }, `${SOURCES[settings.tokens]} It stays in this page’s memory: a reload asks again.`),
    );
  }

  /** @param reason why it is asked for. */
  show(reason: string): void {
    this.#panel.hidden = false;
    this.#reason.textContent = reason;
  }

  hide(): void {
    this.#panel.hidden = true;
    this.#reason.textContent = '';
  }

  focus(): void {
    this.#token.focus();
  }
}
