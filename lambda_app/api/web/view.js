// Renders the page. Titles, descriptions, locations and categories are untrusted text: they are set as text nodes only, never as HTML.
// Photo URLs are used only as img.src.

import { address, photoAddress } from "./api.js";
import { FILTERS, formatRoute, isFiltered } from "./route.js";

const TOP = 5;
const NUMBER = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 2 });
const COUNT = new Intl.NumberFormat("en-GB");
const PERCENT = new Intl.NumberFormat("en-GB", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

const byId = (id) => document.getElementById(id);

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children); // strings become text nodes
  return made;
}

/** "€1,234.00"; "1,234" if the release does not say its currency; or "No price". */
export function price({ price: value, currency }) {
  if (value === null || value === undefined) return "No price";
  return currency ? new Intl.NumberFormat("en-GB", { style: "currency", currency }).format(value) : NUMBER.format(value);
}

/** "1 listing", "1,240 listings". */
export function count(n, noun) {
  return `${COUNT.format(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/** Show the start page, without a query. */
export function showHome() {
  document.body.dataset.view = "home";
  document.title = "Lookalike";
  byId("query-card").hidden = true;
  byId("add-photos").hidden = true;
  byId("found").hidden = true;
  byId("results").replaceChildren();
}

/**
 * Show the query: heading, URL of the photo, URLs of further photos of the same thing, caption, description of the
 * listing, a note about the conversion of photos (may be empty), whether more photos can be added, and whether it is of
 * words alone.
 */
export function showQuery({ heading, photo, others = [], caption = "", description, note = "", more = false, words = false }) {
  document.body.dataset.view = "search";
  document.title = `${heading} · Lookalike`;
  byId("query-card").hidden = false;
  byId("found").hidden = false;
  byId("query-heading").textContent = heading;
  byId("query-caption").textContent = caption;
  byId("query-description").textContent = description ?? "";
  byId("query-description").hidden = !description;
  byId("again").textContent = words ? "Add a photo" : "Try another photo"; // the words stay
  byId("query-note").textContent = note;
  byId("query-note").hidden = !note;
  byId("add-photos").hidden = !more;
  showOthers(others);
  const image = byId("query-photo");
  const frame = image.parentElement;
  frame.hidden = !photo;
  if (!photo) image.removeAttribute("src");
  else if (image.getAttribute("src") !== photo) {
    frame.classList.remove("missing");
    image.onerror = () => frame.classList.add("missing");
    image.src = photo;
  }
}

function showOthers(urls) {
  const list = byId("query-others");
  if (urls.join() === [...list.querySelectorAll("img")].map((image) => image.getAttribute("src")).join()) return;
  const items = urls.map((url) => {
    const image = element("img", "");
    image.alt = "";
    image.src = url;
    return element("li", "", image);
  });
  list.replaceChildren(...items);
  list.hidden = !urls.length;
}

/** Show a photo's category and the probabilities, the most probable first; null hides them. */
export function showCategory(prediction) {
  byId("category").hidden = !prediction;
  if (!prediction) return;
  const bars = prediction.probabilities.map(({ category, probability }) => {
    const fill = element("div", "fill");
    fill.style.setProperty("--probability", probability);
    const share = element("span", "share", PERCENT.format(probability));
    const track = element("div", "track", fill);
    return element("li", category === prediction.category ? "top" : "", element("span", "", category), share, track);
  });
  byId("category-name").textContent = prediction.category;
  byId("bars").replaceChildren(...bars.slice(0, TOP));
  byId("more-bars").replaceChildren(...bars.slice(TOP));
  byId("more").hidden = bars.length <= TOP;
}

/** Fill the filter form with the filters of the URL. */
export function showFilters(filters, categories) {
  const form = byId("filters");
  const names = [...categories];
  if (filters.category && !names.includes(filters.category)) names.push(filters.category);
  const options = names.map((name) => new Option(name, name));
  form.elements.category.replaceChildren(new Option("All categories", ""), ...options);
  for (const name of FILTERS) form.elements[name].value = filters[name] ?? "";
  byId("q").value = filters.q ?? "";
  byId("clear").hidden = !isFiltered(filters);
}

/** Show the box for words if the live release can be searched by them. */
export function showWords(possible) {
  byId("words").hidden = !possible;
}

/** Show placeholders while waiting for an answer. */
export function showLoading(k) {
  byId("failure").hidden = true;
  byId("status").textContent = "Searching …";
  byId("results").setAttribute("aria-busy", "true");
  const pending = Array.from({ length: Math.min(k, 12) }, () => {
    const about = element("div", "about", element("div", "line"), element("div", "line"));
    const item = element("li", "", element("div", "card pending", element("div", "photo"), about));
    item.setAttribute("aria-hidden", "true");
    return item;
  });
  byId("results").replaceChildren(...pending);
}

/** Show the listings found, the best first. Each links to a search by that listing, with the same filters. */
export function showResults(results, filters) {
  byId("results").removeAttribute("aria-busy");
  byId("failure").hidden = true;
  byId("results").replaceChildren(...results.map((result) => element("li", "", card(result, filters))));
  byId("status").textContent = outcome(results.length, filters);
}

function outcome(found, filters) {
  if (found) return `${count(found, "listing")}, ${filters.q ? "best match" : "most similar"} first`;
  if (isFiltered(filters)) return "No listings match these filters. Change or clear them.";
  return filters.q ? "No listings were found for these words. Try other words." : "No similar listings were found.";
}

// Results of words alone have no score: there is no photo to compare them with.
function similarity({ score }) {
  if (score === null) return "";
  const shown = element("span", "score", element("span", "visually-hidden", "Similarity "), score.toFixed(2));
  shown.title = "Similarity: cosine of the two photos' embeddings; 1 is the maximum";
  return shown;
}

// Null if there is no photo to compare with, or an older release cannot tell.
function samePhoto({ same_photo: same }) {
  if (!same) return "";
  const shown = element("span", "same", "Same photo");
  shown.title = "This listing shows the photo of the search, perhaps cropped, mirrored or saved anew";
  return shown;
}

function card(result, filters) {
  const about = element(
    "div",
    "about",
    samePhoto(result),
    element("span", result.price === null ? "price none" : "price", price(result)),
    element("span", "title", result.title ?? "Untitled"),
    element("span", "meta", result.category),
    element("span", "meta", result.location ?? ""),
    element("span", "more", "More like this"),
  );
  const link = element("a", "card", element("div", "photo", similarity(result), listingPhoto(result)), about);
  // Without the words: the listing itself is the query now.
  link.href = formatRoute({ kind: "item", id: result.image_id, filters: { ...filters, q: "" } });
  return link;
}

// Presigned URLs expire. If a photo fails to load, try once more with the API's route for its id.
function listingPhoto(result) {
  const image = element("img", "");
  image.alt = ""; // decorative: the card's title describes it
  image.loading = "lazy";
  image.decoding = "async";
  const fallback = address("image", { image_id: result.image_id }).href;
  image.onerror = () => {
    if (image.src !== fallback) image.src = fallback;
    else image.parentElement.classList.add("missing");
  };
  image.src = photoAddress(result);
  return image;
}

/** Show an error: {title, detail, retry}, as from `explain`. */
export function showFailure({ title, detail, retry }) {
  byId("found").hidden = false;
  byId("results").removeAttribute("aria-busy");
  byId("results").replaceChildren();
  byId("status").textContent = "";
  byId("failure-title").textContent = title;
  byId("failure-detail").textContent = detail;
  byId("retry").hidden = !retry;
  byId("failure").hidden = false;
}

/** Instead of the search, show what must happen first: {title, detail}, and the text of a button, or "" for none. */
export function showGate({ title, detail, action }) {
  document.body.dataset.gate = "closed";
  byId("gate-title").textContent = title;
  byId("gate-detail").textContent = detail;
  const button = byId("sign-in");
  button.textContent = button.dataset.action = action;
  button.hidden = !action;
  byId("gate").hidden = false;
}

/** Show the search. */
export function hideGate() {
  document.body.dataset.gate = "open";
  byId("gate").hidden = true;
}

/** Show who has signed in, with a button to sign out; nothing if nobody has. */
export function showAccount(signedIn, person = "") {
  byId("person").textContent = person;
  byId("person").hidden = !signedIn || !person;
  byId("sign-out").hidden = !signedIn;
}

/** Show the live release in the footer; null if it is unknown. */
export function showRelease(release) {
  byId("release").textContent = release
    ? `Release ${release.release} · ${count(release.count, "item")} · ${release.categories.length} categories`
    : "The live release is unknown: none is live, or the request for it failed.";
}

/** Move the focus to the new query, so that screen readers announce it. */
export function focusQuery() {
  byId("query-heading").focus({ preventScroll: true });
  window.scrollTo(0, 0);
}
