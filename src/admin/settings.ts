/** What the server tells the page before anybody has signed in, as `AdminSettings` of src/http/admin-page.ts has it. */

export interface Settings {
  readonly tokens: 'demo' | 'secret' | 'oidc' | 'none';
  /** What answers where the cache does not. */
  readonly database: string;
  readonly signIn: { readonly issuer: string; readonly clientId: string } | null;
}

export async function readSettings(): Promise<Settings> {
  const response = await fetch('/admin/settings.json');
  if (!response.ok) throw new Error(`The page's settings could not be read: status ${response.status}.`);
  return (await response.json()) as Settings;
}
