/**
 * The admin page: puts its parts together, signs in, and asks for the fleet's figures every two seconds while somebody looks. Owns what
 * is known at the moment; the panels only show it.
 */
import { Api, Refusal, sentenceOf } from './api.js';
import { byId, h, render } from './dom.js';
import { CacheInvalidationsDocument, CacheStatsDocument, PermissionsDocument } from './operations.js';
import { EntriesPanel } from './panels/entries.js';
import { sign } from './panels/elements.js';
import { showNamespaces } from './panels/namespaces.js';
import { showPending } from './panels/pending.js';
import { showPods } from './panels/pods.js';
import { PurgePanel } from './panels/purge.js';
import { type Purge, showRecent, subjectOf } from './panels/recent.js';
import { showRedis } from './panels/redis.js';
import { SignInPanel } from './panels/sign-in.js';
import { TrafficPanel } from './panels/traffic.js';
import { WhyPanel } from './panels/why.js';
import { signInAtIssuer } from './issuer.js';
import { readSettings } from './settings.js';
import { type Silence, type Status, statusOf } from './status.js';
import { type Mark, type Stats, Traffic } from './traffic.js';
import { amount } from './words.js';

/** One pod adds up the fleet on each call. */
const POLL_MS = 2_000;
/** Recent purges change when somebody purges, which is seldom. */
const POLLS_PER_HISTORY = 5;
const RECENT = 50;

let timer: ReturnType<typeof setTimeout> | undefined;

// A mistake of this page must not look like a calm fleet.
const fail = () => {
  clearTimeout(timer);
  say({
    tone: 'bad',
    sentence: 'This page has failed, and shows nothing new.',
    detail: 'Reload it. What is wrong is in the console.',
  });
};
addEventListener('unhandledrejection', fail);
addEventListener('error', ({ error }) => {
  // Without one it is a notice of the browser's.
  if (error instanceof Error) fail();
});

const settings = await readSettings();
const api = new Api();
const traffic = new Traffic();
const trafficPanel = new TrafficPanel();
let latest: { readonly stats: Stats; readonly at: Date } | undefined;
let silent: Silence | undefined;
let purges: readonly Purge[] = [];
let polls = 0;

const purgePanel = new PurgePanel(api, () => void askForPurges());
const whyPanel = new WhyPanel(api, () => latest?.stats.namespaces.map(({ name }) => name) ?? []);
new EntriesPanel(api, { explain: (key) => whyPanel.explain(key), purge: (pattern) => purgePanel.suggest(pattern) });
const { signIn: issuerClient } = settings;
const signInPanel = new SignInPanel(settings, {
  use: signIn,
  redirect: issuerClient === null ? undefined : async () => signIn(await signInAtIssuer(issuerClient)),
});

api.onTokenEnded = () => {
  clearTimeout(timer);
  render(byId('who'));
  const kept = latest === undefined ? '' : ' What is below is the last that was seen.';
  signInPanel.show(`The server does not accept your token any more: it has probably ended. Paste a new one.${kept}`);
  show();
};
document.addEventListener('visibilitychange', () => {
  clearTimeout(timer);
  if (!document.hidden && api.isSignedIn && latest !== undefined) void poll();
});
say({ tone: 'neutral', sentence: 'Sign in to see the cache.', detail: '' });
signInPanel.show('');
signInPanel.focus();

/** Resolves with what is wrong with the token, if anything is. */
async function signIn(token: string): Promise<string | undefined> {
  // By itself, so that one that is refused does not end what goes on with another.
  const trial = new Api();
  trial.use(token);
  try {
    const { viewer } = await trial.ask(PermissionsDocument, {});
    const permissions = viewer?.permissions ?? [];
    if (!permissions.includes('cache:read')) {
      return `This token is good, but ${viewer?.id ?? 'its owner'} may not look at the cache. Ask for the permission cache:read, or cache:admin to purge too.`;
    }
    const mayPurge = permissions.includes('cache:admin');
    render(
      byId('who'),
      h('span', { class: 'actor', title: viewer?.id }, viewer?.id),
      h('span', { class: 'hint' }, mayPurge ? ' may purge' : ' may look'),
    );
    purgePanel.allow(mayPurge);
  } catch (error) {
    return error instanceof Refusal && error.kind === 'token'
      ? `The server does not accept this token. ${error.message}`
      : sentenceOf(error);
  }
  api.use(token);
  signInPanel.hide();
  byId('panels').hidden = false;
  document.body.classList.remove('signed-out');
  byId('status').focus({ preventScroll: true });
  await poll();
  return undefined;
}

async function poll(): Promise<void> {
  clearTimeout(timer);
  try {
    const { cacheStats } = await api.ask(CacheStatsDocument, {});
    if (cacheStats !== null) {
      // What a dry run counted may no longer be so.
      if (cacheStats.status !== latest?.stats.status) purgePanel.recount();
      latest = { stats: cacheStats, at: new Date() };
      traffic.add(cacheStats, latest.at.getTime());
    }
    silent = undefined;
    if (polls++ % POLLS_PER_HISTORY === 0) await askForPurges();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.kind !== 'token') silent = { since: silent?.since ?? new Date(), reason: error.message };
  }
  show();
  if (api.isSignedIn && !document.hidden) timer = setTimeout(() => void poll(), POLL_MS);
}

async function askForPurges(): Promise<void> {
  try {
    purges = (await api.ask(CacheInvalidationsDocument, { first: RECENT })).cacheInvalidations ?? [];
    showRecent(purges);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    showRecent(purges, error.message);
  }
}

function show(): void {
  if (latest === undefined) {
    if (silent !== undefined) say({ tone: 'bad', sentence: 'There are no figures yet.', detail: silent.reason });
    return;
  }
  const { stats, at } = latest;
  const { database } = settings;
  const missing = traffic.missing(stats);
  const { gone, stalePerSecond } = traffic;
  const point = traffic.points.at(-1);
  const seen =
    missing.length === 0
      ? amount(stats.pods.length, 'pod')
      : `${stats.pods.length} of ${stats.pods.length + missing.length} pods seen`;
  say(statusOf({ stats, at, silent, missing, gone, stalePerSecond, database }));
  render(byId('fleet'), h('span', {}, seen), ' · ', h('code', {}, stats.prefix));
  showPending(stats);
  trafficPanel.show(traffic.points, [...traffic.podMarks, ...purgeMarks(stats)]);
  showPods({ stats, lookUpsPerSecond: point?.lookUpsOfPods ?? new Map(), missing, gone, database });
  showNamespaces(stats, traffic.outcomes);
  showRedis(stats);
}

/** What is pending is on record before it is among the recent ones, which can't be read without Redis. */
function purgeMarks({ pendingInvalidations }: Stats): Mark[] {
  const asked = pendingInvalidations.filter(({ actor }) => actor !== null);
  const all = new Map([...asked, ...purges].map((purge) => [purge.id, purge]));
  return [...all.values()].map((purge) => ({
    at: Date.parse(purge.requestedAt),
    kind: 'purge',
    text: `purge of ${subjectOf(purge)}`,
  }));
}

/** Also in the title, for who has the page in another tab. */
function say({ tone, sentence, detail }: Status | { tone: 'neutral'; sentence: string; detail: string }): void {
  byId('status').dataset.tone = tone;
  render(byId('sentence'), tone === 'neutral' ? sentence : sign(tone, sentence));
  render(byId('detail'), detail);
  document.title = `${tone === 'bad' ? '■ ' : tone === 'warning' ? '▲ ' : ''}OpenSensor cache`;
}
