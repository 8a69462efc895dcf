// The state of the page. The current query is in the URL's fragment (see route.js), recent answers are in memory.

import { ApiError, call, download, explain } from "./api.js";
import { connectInput, connectPaging } from "./input.js";
import { SignInError } from "./oidc.js";
import { MOST_PHOTOS, forgetAll, recall, remember, rememberComing } from "./photo/kept.js";
import { choosePart, connectPart } from "./photo/part.js";
import { filtersOf, formatRoute, isFiltered, linkedWords, parseRoute } from "./route.js";
import { choicesOf, firstQuery, learnChoices, longer, search, searchOther } from "./searches.js";
import { configuration, openSession, signIn, signOut } from "./session.js";
import { cardLink, clearCards, hideOther, showCards, showOther, showPending } from "./view/cards.js";
import { showCode } from "./view/code.js";
import { showFilters } from "./view/filters.js";
import { showCategories, showExamples, showHome } from "./view/home.js";
import * as view from "./view/page.js";
import { focusQuery, showCategory, showChoices, showQuery } from "./view/query.js";
import { byId, count } from "./view/text.js";

const CACHED_ANSWERS = 30;

const answers = new Map(); // URL fragment -> answer of `search`: a cache, so that going back is instant
const scrolls = new Map(); // entry of the browser's history -> how far its page was scrolled
let release = null;
let open = false; // whether the page may search: nobody needs to sign in, or somebody has
let running = new AbortController();
let shown = ""; // URL fragment of the query on the page, without its filters
let entry = 0;
let latest = null; // {route, found}: what is on the page

function expected(error) {
  if (!(error instanceof ApiError || error instanceof SignInError)) throw error;
  return error;
}

async function refreshRelease() {
  try {
    release = (await call("release")).answer;
  } catch (error) {
    const { status } = expected(error);
    release = null; // the footer says that the release is unknown; a search will show the error itself
    // With these errors no search can work, so show the error before the user chooses a photo.
    if (status === 401 || status === 403) view.showFailure(explain(error));
  }
  view.showRelease(release, configuration().other_releases === "stored");
  byId("words").hidden = release?.words === false;
  const route = parseRoute(location.hash);
  showFilters(route, release ?? {}, removeFilter);
  showCategories(release?.categories ?? [], route.filters.category);
}

async function refreshExamples() {
  const found = await call("examples").catch((error) => (expected(error), { answer: { examples: [] } }));
  showExamples(found.answer.examples, (number, url) => {
    const coming = download("example", { number }).then((photo) => new File([photo], "Example photo", { type: photo.type }));
    go({ kind: "photo", id: rememberComing(coming, "Example photo", url) });
  });
}

/** Go to a view. */
function go(route) {
  location.hash = formatRoute(route);
}

function searchFile(file) {
  if (!open) return;
  const { filters, disliked } = parseRoute(location.hash);
  go({ kind: "photo", id: remember([file]), disliked, filters: { ...filters, box: "", k: "", q: byId("q").value.trim() } });
}

/** Search with the photos of the current search and these: further photos of the same thing. */
function addFiles(added) {
  const route = parseRoute(location.hash);
  const known = open && route.kind === "photo" && recall(route.id);
  if (!known) return;
  const taken = added.slice(0, MOST_PHOTOS - known.files.length);
  go({ ...route, id: remember([...known.files, ...taken], added.length - taken.length) });
}

async function surprise() {
  if (!open || !release?.count) return;
  const after = Math.floor(Math.random() * release.count) - 1;
  try {
    const { answer } = await call("browse", { query: { k: 1, ...(after < 0 ? {} : { after }) } });
    const [item] = answer.results.length ? answer.results : (await call("browse", { query: { k: 1 } })).answer.results;
    if (item) go({ kind: "item", id: item.image_id });
  } catch (error) {
    view.showFailure(explain(expected(error)));
  }
}

function searchWords(q) {
  if (!open) return;
  const route = parseRoute(location.hash);
  const blended = route.kind === "photo" || route.kind === "item";
  const filters = { ...route.filters, q, k: "" };
  go(blended ? { ...route, filters } : { kind: q ? "words" : "home", disliked: route.disliked, filters });
}

async function cachedSearch(route, signal) {
  const key = formatRoute(route);
  if (!answers.has(key)) {
    const found = await search(route, signal, view.showProgress);
    if (found.release && release && found.release !== release.release) {
      answers.clear(); // another release is live now: the cached answers are outdated
      refreshRelease();
    }
    keep(key, found);
  }
  return answers.get(key);
}

function keep(key, found) {
  answers.set(key, found);
  if (answers.size > CACHED_ANSWERS) answers.delete(answers.keys().next().value);
}

/** Each entry of the history has a number, so that going back returns to the place on the page. */
function enter() {
  const known = history.state?.entry;
  entry = known ?? Date.now();
  if (known === undefined) history.replaceState({ entry }, "");
  return known === undefined ? 0 : (scrolls.get(entry) ?? 0);
}

/** The route of the address; without the photo if this tab has lost it, as after it was closed. */
function currentRoute() {
  const route = parseRoute(location.hash);
  if (route.kind === "photo" && !recall(route.id)) {
    route.kind = route.filters.q ? "words" : "home";
    history.replaceState(history.state, "", formatRoute(route));
  }
  return route;
}

/** Show the page for the current URL fragment. */
async function show() {
  if (!open) return;
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const route = currentRoute();
  const place = enter();
  const query = formatRoute({ ...route, disliked: [], filters: route.kind === "words" ? { q: route.filters.q } : {} });
  const fresh = query !== shown;
  shown = query;
  const asked = route.kind === "home" ? { ...route, kind: "browse" } : route;
  showFilters(route, release ?? {}, removeFilter);
  showCategories(release?.categories ?? [], route.filters.category);
  document.body.dataset.kind = route.kind;
  if (route.kind === "home") showHome();
  if (fresh) {
    if (route.kind !== "home") {
      showQuery(firstQuery(route));
      showCategory(route.kind === "photo" ? undefined : null);
      focusQuery();
    }
    window.scrollTo(0, 0);
  }
  showChoices(choicesOf(route), removeChoice, route.kind === "likes");
  learnChoices(route).then((learnt) => learnt && !signal.aborted && showChoices(choicesOf(route), removeChoice, route.kind === "likes"));
  if (!answers.has(formatRoute(asked))) showPending(12);
  byId("found").hidden = false;
  try {
    const found = await cachedSearch(asked, signal);
    if (signal.aborted) return;
    present(route, asked, found);
    if (fresh) window.scrollTo(0, place);
  } catch (error) {
    if (!signal.aborted) view.showFailure(explain(error));
  }
}

function present(route, asked, found) {
  latest = { route: asked, found };
  if (route.kind !== "home") {
    showQuery(found.query);
    showCategory(found.prediction, route.filters.category, (category) => applyFilters({ category }));
  }
  showCards(found.results, route, choose);
  compare(route, asked, found);
  view.showOutcome(outcome(asked, found), found, longer(asked, found, configuration().max_k));
}

/** Show the answer of the release that is compared with the live one, if the address names one. */
async function compare(route, asked, found) {
  const other = route.filters.with;
  if (!other) return hideOther();
  const { signal } = running;
  try {
    const results = await searchOther(asked, other, signal);
    if (!signal.aborted) showOther(found.release, other, results, route, choose);
  } catch (error) {
    if (signal.aborted) return;
    hideOther();
    view.showFailure(explain(expected(error)));
  }
}

function outcome(route, { results, next }) {
  if (route.kind === "browse" && results.length) return `${count(results.length, "listing")}${next === null ? "" : " so far"}`;
  if (results.length) return `${count(results.length, "listing")}, ${route.filters.q ? "best match" : "most similar"} first`;
  if (isFiltered(route)) return "No listings match these filters. Change or clear them.";
  if (route.kind === "browse") return "No listings here.";
  return route.filters.q ? "No listings were found for these words. Try other words." : "No similar listings were found.";
}

/** Show more of the results, below those that are shown. */
async function showMore() {
  const { route, found } = latest;
  const next = longer(route, found, configuration().max_k);
  if (!next) return;
  const { signal } = running;
  const before = found.results.length;
  byId("more-results").disabled = true;
  try {
    const more = await search(next, signal, () => {});
    if (signal.aborted) return;
    const all = route.kind === "browse" ? { ...more, results: [...found.results, ...more.results] } : more;
    const shownAt = parseRoute(location.hash);
    if (route.kind !== "browse") history.replaceState(history.state, "", formatRoute(next));
    keep(formatRoute(route.kind === "browse" ? route : next), all);
    present(shownAt.kind === "home" ? shownAt : next, route.kind === "browse" ? route : next, all);
    cardLink(before)?.focus();
  } catch (error) {
    if (!signal.aborted) view.showFailure(explain(expected(error)));
  } finally {
    byId("more-results").disabled = false;
  }
}

function applyFilters(values) {
  const route = parseRoute(location.hash);
  history.replaceState(history.state, "", formatRoute({ ...route, filters: { ...route.filters, ...values, k: "" } }));
  show();
}

function removeFilter(name) {
  applyFilters({ [name]: "" });
  byId("filters-open").focus();
}

function clearFilters() {
  const names = [...filtersOf(parseRoute(location.hash).kind), "box", "with"];
  applyFilters(Object.fromEntries(names.map((name) => [name, ""])));
  byId("filters-open").focus();
}

/** Like or dislike a listing, or take that back: with a liked one, the choices are the query. */
function choose(item, how) {
  const route = parseRoute(location.hash);
  const lists = { like: route.liked, dislike: route.disliked };
  const had = lists[how].includes(item.image_id);
  for (const name of Object.keys(lists)) lists[name] = lists[name].filter((id) => id !== item.image_id);
  if (!had) lists[how] = [...lists[how], item.image_id];
  goToChoices(route, lists);
}

function removeChoice(id) {
  const route = parseRoute(location.hash);
  const without = (list) => list.filter((one) => one !== id);
  goToChoices(route, { like: without(route.liked), dislike: without(route.disliked) });
}

function goToChoices(route, { like, dislike }) {
  const left = route.kind === "likes" && !like.length;
  const kind = like.length ? "likes" : left || route.kind === "home" ? "browse" : route.kind;
  go({ ...route, kind, liked: like, disliked: dislike, filters: { ...route.filters, k: "", ...(like.length ? { q: "", box: "" } : {}) } });
}

async function selectPart() {
  const route = currentRoute();
  if (route.kind !== "photo") return;
  const box = await choosePart(recall(route.id).urls[0], route.filters.box);
  if (box === null) return;
  go({ ...route, filters: { ...route.filters, box, k: "" } });
}

/** Open the report; where a token is needed, which a link cannot send, save it. */
async function openReport(event) {
  if (configuration().auth === "none") return;
  event.preventDefault();
  try {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await download("report"));
    link.download = "report.html";
    link.click();
  } catch (error) {
    view.showFailure(explain(expected(error)));
  }
}

/** Show what stands between the visitor and a search, with a button that may remove it. */
function close({ title, message }, action) {
  open = false;
  running.abort();
  view.showGate({ title, detail: message, action });
}

const WELCOME = new SignInError("Sign in to search", "This image search is for people with an account. Ask its operator for one.");

function begin() {
  open = true;
  view.hideGate();
  // What the release has decides what the start page shows. Until then, nothing may be where it must move from.
  Promise.allSettled([refreshRelease(), refreshExamples()]).then(() => (document.body.dataset.release = "known"));
  show();
}

async function start() {
  let session;
  try {
    session = await openSession((error) => {
      view.showAccount(false);
      close(error, "Sign in");
    });
  } catch (error) {
    if (!(error instanceof SignInError)) throw error;
    close(error, "Try again");
    return;
  }
  const { state, person, error } = session;
  view.showAccount(state === "signed-in", person);
  if (state === "signed-out") close(error ?? WELCOME, "Sign in");
  else if (state === "closed") close(error, "");
  else begin();
}

// "Try again" is for a service that could not be reached: then nothing is known about it yet.
byId("sign-in").addEventListener("click", async ({ target }) => {
  if (target.dataset.action === "Try again") return start();
  target.disabled = true;
  try {
    await signIn(location.hash);
  } catch (error) {
    if (!(error instanceof SignInError)) throw error;
    close(error, "Sign in");
  } finally {
    target.disabled = false;
  }
});
byId("sign-out").addEventListener("click", async () => {
  view.showAccount(false);
  forgetAll();
  clearCards();
  close(new SignInError("You have signed out", "Sign in to search again."), "Sign in");
  try {
    await signOut();
  } catch (error) {
    if (!(error instanceof SignInError)) throw error;
    close(new SignInError("You have signed out here", `${error.message} So you may still be signed in there.`), "Sign in");
  }
});

// A link from elsewhere may have the words in the query string. From here on they are in the fragment, as all queries.
const linked = linkedWords(location.search);
if (linked) history.replaceState(null, "", `${location.pathname}${linked}`);
history.scrollRestoration = "manual";
window.addEventListener("scroll", () => scrolls.set(entry, window.scrollY), { passive: true });
window.addEventListener("hashchange", show);
connectInput({ searchFile, addFiles, searchWords, applyFilters });
connectPaging(showMore);
connectPart();
byId("surprise").addEventListener("click", surprise);
byId("choose-part").addEventListener("click", selectPart);
byId("clear").addEventListener("click", clearFilters);
byId("report").addEventListener("click", openReport);
byId("as-code").addEventListener("click", () => showCode(latest.found.request, configuration().auth !== "none", latest.found.answer));
byId("compare").addEventListener("submit", (event) => {
  event.preventDefault();
  const route = parseRoute(location.hash);
  const filters = { ...route.filters, with: byId("other-release").value.trim() };
  go({ ...route, kind: route.kind === "home" ? "browse" : route.kind, filters });
  window.scrollTo(0, 0);
});
byId("retry").addEventListener("click", () => {
  if (!release) refreshRelease();
  show();
});
start();
