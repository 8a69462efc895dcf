// Draws the page. Titles, places and categories are other people's text: they enter through textContent alone, and
// photo addresses through img.src alone.

import { address, photoAddress } from "./api.js";
import { FILTERS, formatRoute, isFiltered } from "./route.js";

const TOP = 5;
const PRICE = new Intl.NumberFormat("en-GB", { style: "currency", currency: "GBP" });
const COUNT = new Intl.NumberFormat("en-GB");
const PERCENT = new Intl.NumberFormat("en-GB", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

const byId = (id) => document.getElementById(id);

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children); // strings become text nodes
  return made;
}

/** "£1,234.00", or "No price". */
export function price(value) {
  return value === null || value === undefined ? "No price" : PRICE.format(value);
}

/** "1 listing", "1,240 listings". */
export function count(n, noun) {
  return `${COUNT.format(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/** The start: nothing asked yet. */
export function showHome() {
  document.body.dataset.view = "home";
  document.title = "Lookalike";
  byId("asked").hidden = true;
  byId("found").hidden = true;
  byId("results").replaceChildren();
}

/** What was asked: a heading, a photo address, a line about it, and a note on what was sent (may be empty). */
export function showAsked({ heading, photo, caption = "", note = "" }) {
  document.body.dataset.view = "asked";
  document.title = `${heading} · Lookalike`;
  byId("asked").hidden = false;
  byId("found").hidden = false;
  byId("asked-heading").textContent = heading;
  byId("asked-caption").textContent = caption;
  byId("asked-note").textContent = note;
  byId("asked-note").hidden = !note;
  const image = byId("asked-photo");
  const frame = image.parentElement;
  frame.hidden = !photo;
  if (!photo) image.removeAttribute("src");
  else if (image.getAttribute("src") !== photo) {
    frame.classList.remove("missing");
    image.onerror = () => frame.classList.add("missing");
    image.src = photo;
  }
}

/** One photo's category and its probabilities, the most likely first; null hides them. */
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

/** The filter form as the address has it. */
export function showFilters(filters, categories) {
  const form = byId("filters");
  const names = [...categories];
  if (filters.category && !names.includes(filters.category)) names.push(filters.category);
  const options = names.map((name) => new Option(name, name));
  form.elements.category.replaceChildren(new Option("All categories", ""), ...options);
  for (const name of FILTERS) form.elements[name].value = filters[name] ?? "";
  byId("clear").hidden = !isFiltered(filters);
}

/** Placeholders while an answer is awaited. */
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

/** The similar listings, best first. Each links to what is similar to it, under the same filters. */
export function showResults(results, filters) {
  byId("results").removeAttribute("aria-busy");
  byId("failure").hidden = true;
  byId("results").replaceChildren(...results.map((result) => element("li", "", card(result, filters))));
  if (results.length) byId("status").textContent = `${count(results.length, "listing")}, the most similar first`;
  else if (isFiltered(filters)) byId("status").textContent = "No listing passes these filters. Widen or clear them.";
  else byId("status").textContent = "Nothing similar was found.";
}

function card(result, filters) {
  const score = element("span", "score", element("span", "unseen", "Similarity "), result.score.toFixed(2));
  score.title = "Similarity: cosine of the two photos' embeddings, 1 at most";
  const about = element(
    "div",
    "about",
    element("span", result.price === null ? "price none" : "price", price(result.price)),
    element("span", "title", result.title ?? "Untitled"),
    element("span", "meta", result.category),
    element("span", "meta", result.location ?? ""),
    element("span", "more", "More like this"),
  );
  const link = element("a", "card", element("div", "photo", score, listingPhoto(result)), about);
  link.href = formatRoute({ kind: "item", id: result.image_id, filters });
  return link;
}

// Presigned addresses expire: a photo that fails to load is asked for once more by its id.
function listingPhoto(result) {
  const image = element("img", "");
  image.alt = ""; // the title beside it says what it is
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

/** An error in words: {title, detail, retry}. */
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

/** The footer's line on the live release; null when none is known. */
export function showRelease(release) {
  byId("release").textContent = release
    ? `Release ${release.release} · ${count(release.count, "item")} · ${release.categories.length} categories`
    : "No release is live, or it cannot be asked for.";
}

/** Move focus to what was just asked, for those who cannot see that the page changed. */
export function focusAsked() {
  byId("asked-heading").focus({ preventScroll: true });
  window.scrollTo(0, 0);
}
