/**
 * What a browser shows instead of Apollo Sandbox where it can't load that from the internet: one static form that runs a query or a
 * purge. It asks this server only, keeps the token in the page's memory, and needs nothing but the page's nonce. Put into Apollo's
 * page by `landing-page.ts`.
 */

/** How long Sandbox's script may take before the form is shown, in milliseconds. When it comes later, it still replaces the form. */
const PATIENCE_MS = 4_000;

/** @param document what the query field begins with. */
export function queryForm(nonce: string, document: string): string {
  return `
<style nonce="${nonce}">${STYLE}</style>
<main id="form" hidden>
  <header>
    <h1>OpenSensor GraphQL</h1>
    <p>Apollo Sandbox could not be loaded from the internet. This form asks the server directly.</p>
  </header>
  <div>
    <p><label for="token">Bearer token <small>optional; kept in this page's memory only</small></label>
      <input id="token" autocomplete="off" spellcheck="false" autocapitalize="off"></p>
    <form id="run">
      <h2>Query</h2>
      <p><label for="query">Document <small>Ctrl+Enter runs it</small></label>
        <textarea id="query" rows="18" spellcheck="false" autocapitalize="off">${escapeHtml(document)}</textarea></p>
      <p><label for="variables">Variables <small>optional; JSON</small></label>
        <textarea id="variables" rows="2" spellcheck="false" autocapitalize="off"></textarea></p>
      <p class="row"><label for="operation">Operation</label> <select id="operation"></select> <button>Run</button></p>
    </form>
    <form id="purge">
      <h2>Purge</h2>
      <p><label for="pattern">Pattern <small>a glob over cache keys; needs a token with cache:admin</small></label>
        <input id="pattern" required spellcheck="false" autocapitalize="off" value="device_meta:greenhouse*"></p>
      <p class="row"><label><input id="dry" type="checkbox"> Dry run: only count what matches</label> <button>Purge</button></p>
    </form>
  </div>
  <section aria-labelledby="result-title">
    <h2 id="result-title">Result <small id="status" role="status">nothing asked yet</small></h2>
    <pre id="result" tabindex="0" aria-labelledby="result-title"></pre>
  </section>
</main>
<script nonce="${nonce}">${SCRIPT}</script>`;
}

function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
}

const STYLE = `
  .offline { color-scheme: light dark; background: light-dark(#f3f6f5, #182126) }
  .offline body { overflow: auto }
  .offline #embeddableSandbox { display: none }
  #form { --line: light-dark(#c9d1d6, #3d4a52); --accent: light-dark(#14663c, #6fd19c);
    --paper: light-dark(#fff, #10171b); color: light-dark(#1b2529, #dfe7ea);
    font: 16px/1.5 system-ui, sans-serif; min-height: 100vh; box-sizing: border-box; padding: 1.5rem clamp(1rem, 4vw, 3rem); }
  #form:not([hidden]) { display: grid; gap: 1rem 2.5rem; align-content: start; }
  @media (min-width: 60rem) { #form:not([hidden]) { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
    #form header { grid-column: 1 / -1 } #form section { position: sticky; top: 1rem; align-self: start } }
  #form h1 { font-size: 1.4rem; margin: 0 } #form h2 { font-size: 1.1rem; margin: 1.2rem 0 .3rem } #form p { margin: 0 0 .8rem }
  #form section h2 { margin-top: 0 } #form header p, #form small { color: light-dark(#4c5b62, #a3b1b8) }
  #form small { font-weight: normal; font-size: .85rem; margin-left: .3em } #form label { font-weight: 600 }
  #form .row { display: flex; flex-wrap: wrap; gap: .4rem .7rem; align-items: center } #form .row button { margin-left: auto }
  #form input:not([type=checkbox]), #form textarea, #form select, #form pre { font: 14px/1.5 ui-monospace, monospace; color: inherit;
    background: var(--paper); border: 1px solid var(--line); border-radius: 6px; padding: .45rem .6rem; box-sizing: border-box; }
  #token { -webkit-text-security: disc }
  #form input:not([type=checkbox]), #form textarea { width: 100%; resize: vertical; display: block; margin-top: .15rem }
  #form pre { margin: 0; min-height: 12rem; max-height: 80vh; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere }
  #form button { font: inherit; font-weight: 600; color: light-dark(#fff, #10171b); background: var(--accent); border: 0;
    border-radius: 6px; padding: .4rem 1.4rem; cursor: pointer } #form button:hover { filter: brightness(1.1) }
  #form :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }`;

/** Plain JavaScript of the page. Apollo's own script, further down, makes a Sandbox of whatever class there is by then. */
const SCRIPT = `{
  const at = (id) => document.getElementById(id);
  const show = (offline) => { at('form').hidden = !offline; document.documentElement.classList.toggle('offline', offline); };
  const standIn = window.EmbeddedSandbox = function () { show(true); };
  const came = () => window.EmbeddedSandbox !== standIn;
  setTimeout(() => came() || show(true), ${PATIENCE_MS});
  addEventListener('load', () => came() && show(false));

  const listOperations = () => {
    const names = at('query').value.replace(/#.*/g, '').matchAll(/\\b(?:query|mutation)\\s+(\\w+)/g);
    const chosen = at('operation').value;
    at('operation').replaceChildren(...Array.from(names, ([, name]) => new Option(name, name, false, name === chosen)));
  };
  const ask = async (request) => {
    const token = at('token').value.trim();
    const headers = { 'content-type': 'application/json', ...(token && { authorization: 'Bearer ' + token }) };
    at('status').textContent = 'asking …';
    at('result').textContent = '';
    const start = performance.now();
    try {
      const answer = await fetch(location.pathname, { method: 'POST', headers, body: JSON.stringify(request) });
      const text = await answer.text();
      const ms = Math.round(performance.now() - start);
      at('status').textContent = ['HTTP ' + answer.status, ms + ' ms', answer.headers.get('cache-status')].filter(Boolean).join(' · ');
      at('result').textContent = text.startsWith('{') ? JSON.stringify(JSON.parse(text), null, 2) : text;
    } catch (error) { at('status').textContent = 'the server could not be asked: ' + error.message; }
  };
  const run = () => {
    let variables;
    try { variables = JSON.parse(at('variables').value.trim() || '{}'); }
    catch (error) { at('status').textContent = 'the variables are no JSON: ' + error.message; return at('variables').focus(); }
    ask({ query: at('query').value, variables, operationName: at('operation').value || undefined });
  };
  listOperations();
  at('query').addEventListener('input', listOperations);
  at('run').addEventListener('submit', (event) => { event.preventDefault(); run(); });
  at('run').addEventListener('keydown', (event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) run(); });
  at('purge').addEventListener('submit', (event) => {
    event.preventDefault();
    const fields = 'id status pattern matched removed requestedAt appliedAt elapsedMs pods { live acknowledged expired }';
    const query = 'mutation Purge($pattern: String!, $dryRun: Boolean!) { invalidateCache(pattern: $pattern, dryRun: $dryRun) { ' + fields + ' } }';
    ask({ query, variables: { pattern: at('pattern').value, dryRun: at('dry').checked }, operationName: 'Purge' });
  });
}`;
