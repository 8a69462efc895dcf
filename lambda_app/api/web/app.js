// The state of the page. The current query is in the URL's fragment (see route.js). Chosen photos and recent answers are
// in memory, until the page is closed or reloaded.

import { ApiError, call, explain, photoAddress, predict } from "./api.js";
import { SignInError } from "./oidc.js";
import { megabytes, prepareAll, shrinkAll } from "./photo.js";
import { FILTERS, formatRoute, linkedWords, parseRoute } from "./route.js";
import { openSession, signIn, signOut } from "./session.js";
import * as view from "./view.js";

const CACHED_ANSWERS = 30;
const MOST_PHOTOS = 4; // of one thing, in one search; the API takes no more

const photos = new Map(); // id -> {files, urls, sent: promise of {blobs, note}}: the photos of one thing
const answers = new Map(); // URL fragment -> {query, prediction, results, release}: a cache, so that going back is instant
let release = null;
let open = false; // whether the page may search: nobody needs to sign in, or somebody has
let search = new AbortController();
let shown = ""; // URL fragment of the query on the page, without its filters

async function refreshRelease() {
  try {
    release = (await call("release")).answer;
  } catch (error) {
    if (!(error instanceof ApiError || error instanceof SignInError)) throw error;
    release = null; // the footer says that the release is unknown; a search will show the error itself
    // With these errors no search can work, so show the error before the user chooses a photo.
    if (error.status === 401 || error.status === 403) view.showFailure(explain(error));
  }
  view.showRelease(release);
  view.showWords(release?.words);
  view.showFilters(parseRoute(location.hash).filters, release?.categories ?? []);
}

function searchFile(file) {
  if (!open) return;
  const id = String(photos.size + 1);
  photos.set(id, { files: [file], urls: [URL.createObjectURL(file)], sent: null });
  const { filters } = parseRoute(location.hash);
  location.hash = formatRoute({ kind: "photo", id, filters: { ...filters, q: words.elements.q.value.trim() } });
}

/** Search with the photos of the current search and these: further photos of the same thing. */
function addFiles(added) {
  const { kind, id, filters } = parseRoute(location.hash);
  if (!open || kind !== "photo" || !photos.has(id)) return;
  const { files, urls } = photos.get(id);
  const taken = added.slice(0, MOST_PHOTOS - files.length);
  const next = String(photos.size + 1);
  const all = { files: [...files, ...taken], urls: [...urls, ...taken.map((file) => URL.createObjectURL(file))] };
  const left = added.length - taken.length;
  photos.set(next, { ...all, left, sent: null });
  location.hash = formatRoute({ kind, id: next, filters });
}

function photoQuery(id) {
  const { files, urls, left } = photos.get(id);
  const names = files.map((file) => `${file.name}, ${megabytes(file.size)}`);
  return {
    heading: files.length === 1 ? "Your photo" : `Your ${files.length} photos`,
    photo: urls[0],
    others: urls.slice(1),
    caption: names.join(" · "),
    note: left ? `${view.count(left, "photo")} left out: a search takes at most ${MOST_PHOTOS}.` : "",
    more: files.length < MOST_PHOTOS,
  };
}

async function searchPhoto(id, filters, signal) {
  const photo = photos.get(id);
  photo.sent ??= prepareAll(photo.files);
  let sent = await photo.sent;
  let found;
  try {
    found = await predict(sent.blobs, filters, signal);
  } catch (error) {
    // The photos exceed this deployment's limits and were not made smaller yet: do it now and retry once.
    if (!(error instanceof ApiError) || error.status !== 413 || sent.note) throw error;
    photo.sent = shrinkAll(photo.files).catch(() => Promise.reject(error));
    sent = await photo.sent;
    found = await predict(sent.blobs, filters, signal);
  }
  const { answer, release } = found;
  const query = photoQuery(id);
  query.note = [query.note, sent.note].filter(Boolean).join(" ");
  return { query, prediction: answer, results: answer.results, release };
}

async function searchItem(id, filters, signal) {
  const params = { image_id: id };
  const [item, found] = await Promise.all([
    call("item", { params, signal }).then(({ answer }) => answer),
    call("similar", { params, query: filters, signal }),
  ]);
  const caption = [view.price(item), item.category, item.location].filter(Boolean).join(" · ");
  const heading = `More like “${item.title ?? "Untitled"}”`;
  const query = { heading, photo: photoAddress(item), caption, description: item.description };
  return { query, prediction: null, results: found.answer.results, release: found.release };
}

async function searchWords(_, filters, signal) {
  const { answer, release } = await call("search", { query: filters, signal });
  return { query: wordsQuery(filters), prediction: null, results: answer.results, release };
}

function wordsQuery({ q }) {
  return { heading: `Listings for “${q}”`, words: true };
}

const SEARCHES = { photo: searchPhoto, item: searchItem, words: searchWords };

async function cachedSearch({ kind, id, filters }, signal) {
  const key = formatRoute({ kind, id, filters });
  if (!answers.has(key)) {
    const answer = await SEARCHES[kind](id, filters, signal);
    if (answer.release && answer.release !== release?.release) {
      answers.clear(); // another release is live now: the cached answers are outdated
      refreshRelease();
    }
    answers.set(key, answer);
    if (answers.size > CACHED_ANSWERS) answers.delete(answers.keys().next().value);
  }
  return answers.get(key);
}

/** What is known about a query before its answer. */
function firstQuery({ kind, id, filters }) {
  if (kind === "photo") return photoQuery(id);
  return kind === "words" ? wordsQuery(filters) : { heading: "More like this" };
}

/** Show the page for the current URL fragment. */
async function show() {
  if (!open) return;
  search.abort();
  search = new AbortController();
  const { signal } = search;
  const route = parseRoute(location.hash);
  if (route.kind === "photo" && !photos.has(route.id)) {
    route.kind = route.filters.q ? "words" : "home"; // a chosen photo is lost when the page is reloaded, words are not
    history.replaceState(null, "", formatRoute(route));
  }
  view.showFilters(route.filters, release?.categories ?? []);
  const query = formatRoute({ ...route, filters: route.kind === "words" ? { q: route.filters.q } : {} });
  const fresh = query !== shown;
  shown = query;
  if (route.kind === "home") {
    view.showHome();
    return;
  }
  if (fresh) {
    view.showQuery(firstQuery(route));
    view.showCategory(null);
    view.focusQuery();
  }
  if (!answers.has(formatRoute(route))) view.showLoading(Number(route.filters.k));
  try {
    const answer = await cachedSearch(route, signal);
    if (signal.aborted) return;
    view.showQuery(answer.query);
    view.showCategory(answer.prediction);
    view.showResults(answer.results, route.filters);
  } catch (error) {
    if (signal.aborted) return;
    view.showFailure(explain(error));
  }
}

function applyFilters(values) {
  const route = parseRoute(location.hash);
  history.replaceState(null, "", formatRoute({ ...route, filters: { ...route.filters, ...values } }));
  show();
}

function firstImage(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0];
}

for (const id of ["file", "camera"]) {
  document.getElementById(id).addEventListener("change", ({ target }) => {
    const [file] = target.files;
    if (file) searchFile(file);
    target.value = ""; // so that choosing the same file again triggers the event
  });
}

document.getElementById("more-photos").addEventListener("change", ({ target }) => {
  addFiles([...target.files]);
  target.value = "";
});

document.addEventListener("paste", (event) => {
  const file = firstImage(event.clipboardData);
  if (!file) return;
  event.preventDefault();
  searchFile(file);
});

document.addEventListener("dragover", (event) => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  document.body.classList.add("dragging");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragging");
});
document.addEventListener("drop", (event) => {
  document.body.classList.remove("dragging");
  const file = firstImage(event.dataTransfer);
  if (!file) return;
  event.preventDefault();
  searchFile(file);
});

const words = document.getElementById("words");
words.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!open) return;
  const { kind, id, filters } = parseRoute(location.hash);
  const q = words.elements.q.value.trim();
  const alone = kind === "home" || kind === "words";
  location.hash = formatRoute({ kind: alone ? (q ? "words" : "home") : kind, id, filters: { ...filters, q } });
});

const form = document.getElementById("filters");
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", () => {
  if (form.reportValidity()) applyFilters(Object.fromEntries(FILTERS.map((name) => [name, form.elements[name].value])));
});
document.getElementById("clear").addEventListener("click", () => applyFilters({ category: "", min_price: "", max_price: "" }));
document.getElementById("retry").addEventListener("click", () => {
  if (!release) refreshRelease();
  show();
});

/** Show what stands between the visitor and a search, with a button that may remove it. */
function close({ title, message }, action) {
  open = false;
  search.abort();
  view.showGate({ title, detail: message, action });
}

const WELCOME = new SignInError("Sign in to search", "This image search is for people with an account. Ask its operator for one.");

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
  else {
    open = true;
    view.hideGate();
    refreshRelease();
    show();
  }
}

// "Try again" is for a service that could not be reached: then nothing is known about it yet.
document.getElementById("sign-in").addEventListener("click", async ({ target }) => {
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
document.getElementById("sign-out").addEventListener("click", async () => {
  view.showAccount(false);
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
window.addEventListener("hashchange", show);
start();
