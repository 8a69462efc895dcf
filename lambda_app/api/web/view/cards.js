// The listings found, as cards. The photo and the title lead to a search by that listing; further controls are beside them.

import { address, photoAddress } from "../api.js";
import { formatRoute } from "../route.js";
import { configuration } from "../session.js";
import { button, byId, element, icon, price, titleOf } from "./text.js";

const PENDING = 12;

/** Show placeholders while waiting for an answer. */
export function showPending(k) {
  const list = byId("results");
  list.setAttribute("aria-busy", "true");
  const pending = Array.from({ length: Math.min(k, PENDING) }, () => {
    const about = element("div", "about", element("div", "line"), element("div", "line"), element("div", "line"));
    const item = element("li", "card pending", element("div", "photo"), about);
    item.setAttribute("aria-hidden", "true");
    return item;
  });
  list.replaceChildren(...pending);
}

/** Show no cards. */
export function clearCards() {
  byId("results").removeAttribute("aria-busy");
  byId("results").replaceChildren();
  hideOther();
}

/** Beside the listings of the live release, show those of another one. */
export function showOther(live, other, results, route, choose) {
  byId("sides").classList.add("two");
  byId("side-live").textContent = `Live: ${live}`;
  byId("side-other").textContent = other;
  byId("side-live").hidden = byId("side-other").hidden = byId("other-results").hidden = false;
  showCards(results, route, choose, byId("other-results"));
}

/** Show the listings of the live release alone. */
export function hideOther() {
  byId("sides").classList.remove("two");
  byId("side-live").hidden = byId("side-other").hidden = byId("other-results").hidden = true;
  byId("other-results").replaceChildren();
}

/**
 * Show the listings found, the best first. Cards that are shown already stay, so that the focus does.
 * `route`: what was asked; `choose(item, how)` is called with "like" or "dislike".
 */
export function showCards(results, route, choose, list = byId("results")) {
  list.removeAttribute("aria-busy");
  const context = JSON.stringify([route.filters, route.liked, route.disliked]);
  const known = new Map([...list.querySelectorAll(".card[data-id]")].map((card) => [card.dataset.key, card]));
  const cards = results.map((result, place) => {
    const key = `${result.image_id} ${result.score} ${context}`;
    return known.get(key) ?? card(result, key, route, choose, place < 4);
  });
  list.replaceChildren(...cards);
}

/** The link of the card at a place, from 0. */
export function cardLink(place) {
  return byId("results").querySelectorAll(".card .title")[place];
}

function card(result, key, route, choose, soon) {
  const link = element("a", "title", titleOf(result));
  // Without the words, the part and the number of results: the listing itself is the query now.
  link.href = formatRoute({ kind: "item", id: result.image_id, disliked: route.disliked, filters: { ...route.filters, q: "", box: "", k: "" } });
  const about = element(
    "div",
    "about",
    element("span", result.price === null ? "price none" : "price", price(result)),
    link,
    element("span", "meta", [result.location, result.category].filter(Boolean).join(" · ")),
    element("div", "actions", thumb(result, "like", route, choose), thumb(result, "dislike", route, choose), ...outside(result)),
  );
  const item = element("li", "card", element("div", "photo", similarity(result), samePhoto(result), listingPhoto(result, soon)), about);
  item.dataset.id = result.image_id;
  item.dataset.key = key;
  return item;
}

function thumb(result, how, { liked, disliked }, choose) {
  const pressed = (how === "like" ? liked : disliked).includes(result.image_id);
  const made = button("thumb", `${how === "like" ? "More" : "Less"} like ${titleOf(result)}`, icon(how));
  made.title = how === "like" ? "More like this" : "Less like this";
  made.setAttribute("aria-pressed", String(pressed));
  made.addEventListener("click", () => choose(result, how));
  return made;
}

// The listing in the shop, if the operator says where that is.
function outside(result) {
  const url = listingAddress(result);
  if (!url) return [];
  const link = element("a", "outside", "View", element("span", "visually-hidden", ` ${titleOf(result)} in the shop`));
  link.href = url;
  link.target = "_blank";
  link.rel = "noopener";
  return [link];
}

/** The address of a listing in the shop; "" if the operator does not say where that is. */
export function listingAddress(item) {
  const template = configuration().listing_url;
  if (!template) return "";
  const filled = template.replace(/\{(product_id|image_id)\}/g, (_, name) => encodeURIComponent(item[name]));
  const url = new URL(filled, document.baseURI);
  return url.protocol === "https:" || url.origin === location.origin ? url.href : "";
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

// Presigned URLs expire. If a photo fails to load, try once more with the API's route for its id.
function listingPhoto(result, soon) {
  const image = element("img", "");
  image.alt = ""; // decorative: the card's title describes it
  image.loading = soon ? "eager" : "lazy";
  image.decoding = "async";
  const fallback = address("image", { image_id: result.image_id }).href;
  image.onerror = () => {
    if (image.src !== fallback) image.src = fallback;
    else image.parentElement.classList.add("missing");
  };
  image.src = photoAddress(result);
  return image;
}
