/**
 * A token from the issuer: authorization code with PKCE, in a window of its own, so that this page stays as it is and what belongs to the
 * sign-in is in its memory only. OAuth 2.0 as RFC 6749 and 7636 have it; who signs in is none of our business, the server verifies the token.
 */

/** The channel on which the other window reports. */
export const SIGNED_IN = 'opensensor-admin-signed-in';
const WINDOW = 'popup,width=480,height=640';

export interface IssuerClient {
  readonly issuer: string;
  readonly clientId: string;
}

interface Endpoints {
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
}

/** To be called while a click is handled, else browsers open no window. Rejects with a sentence. */
export async function signInAtIssuer({ issuer, clientId }: IssuerClient): Promise<string> {
  const popup = open('about:blank', '_blank', WINDOW);
  if (popup === null) throw new Error('The browser opened no window to sign in: allow this page to, or paste a token.');
  try {
    const endpoints = await discover(issuer);
    const [state, verifier] = [random(), random()];
    const redirectUri = new URL('/admin/signed-in.html', location.href).href;
    const url = new URL(endpoints.authorization_endpoint);
    for (const [name, value] of Object.entries({
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUri,
      scope: 'openid',
      state,
      code_challenge: base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))),
      code_challenge_method: 'S256',
    })) {
      url.searchParams.set(name, value);
    }
    const answer = answerOf(popup, state);
    popup.location.replace(url);
    const code = await answer;
    return await exchange(endpoints.token_endpoint, {
      grant_type: 'authorization_code',
      code,
      client_id: clientId,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    });
  } finally {
    popup.close();
  }
}

async function discover(issuer: string): Promise<Endpoints> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  return (await json(
    url,
    {},
    'The issuer can’t be asked how to sign in. It must allow requests from this page’s origin.',
  )) as Endpoints;
}

async function exchange(endpoint: string, body: Readonly<Record<string, string>>): Promise<string> {
  const problem = 'The issuer gave no token for this sign-in. Try again, or paste one.';
  const answer = await json(endpoint, { method: 'POST', body: new URLSearchParams(body) }, problem);
  const { access_token: token } = answer as { readonly access_token?: unknown };
  if (typeof token !== 'string') throw new Error(problem);
  return token;
}

async function json(url: string, init: RequestInit, problem: string): Promise<unknown> {
  try {
    const response = await fetch(url, { ...init, credentials: 'omit', cache: 'no-store' });
    if (response.ok) return await response.json();
  } catch {
    // The browser doesn't tell why.
  }
  throw new Error(problem);
}

/** The code that belongs to `state`; what belongs to another sign-in is left to that. */
function answerOf(popup: Window, state: string): Promise<string> {
  const channel = new BroadcastChannel(SIGNED_IN);
  let watch: ReturnType<typeof setInterval> | undefined;
  return new Promise<string>((resolve, reject) => {
    // A window at another origin says nothing, but whether it is closed. What it said last is heard before.
    watch = setInterval(() => {
      if (popup.closed) setTimeout(() => reject(new Error('The window was closed before anybody had signed in.')), 500);
    }, 500);
    channel.onmessage = ({ data }: MessageEvent<string>) => {
      const answer = new URLSearchParams(data);
      if (answer.get('state') !== state) return;
      const code = answer.get('code');
      if (code === null)
        reject(
          new Error(`The issuer refused: ${answer.get('error_description') ?? answer.get('error') ?? 'it did not say why'}.`),
        );
      else resolve(code);
    };
  }).finally(() => {
    clearInterval(watch);
    channel.close();
  });
}

function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)).buffer);
}

function base64url(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(
    /[+/=]/g,
    (letter) => ({ '+': '-', '/': '_', '=': '' })[letter] ?? '',
  );
}
