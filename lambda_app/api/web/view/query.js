// The query of a search: its photo, its heading, its category, and the chips of what it is restricted to.

import { button, byId, element, percent, switchView } from "./text.js";

/**
 * Show the query: heading, URL of the photo, URLs of further photos of the same thing, caption, description of the listing, a
 * note about the conversion of photos, whether more photos can be added, whether a part of it can be chosen, the part
 * that is chosen ("left,top,width,height"), and the address of the listing in the shop. All but the heading may be missing.
 */
export function showQuery({ heading, photo, others = [], caption = "", description, note = "", more = false, part = false, box, link }) {
  switchView("search");
  document.title = `${heading} · Lookalike`;
  byId("query-card").hidden = false;
  byId("query-heading").textContent = heading;
  byId("query-caption").textContent = caption;
  byId("query-description").textContent = description ?? "";
  byId("query-description").hidden = !description;
  byId("query-note").textContent = note;
  byId("query-note").hidden = !note;
  byId("query-link").hidden = !link;
  if (link) byId("query-link").href = link;
  byId("add-photos").hidden = !more;
  byId("choose-part").hidden = !part;
  showOthers(others);
  const image = byId("query-photo");
  const frame = image.parentElement.parentElement;
  frame.hidden = !photo;
  if (!photo) image.removeAttribute("src");
  else if (image.getAttribute("src") !== photo) {
    frame.classList.remove("missing");
    image.onerror = () => frame.classList.add("missing");
    image.src = photo;
  }
  showPart(box);
}

function showPart(box) {
  const mark = byId("query-part");
  mark.hidden = !box;
  if (!box) return;
  const sides = box.split(",").map((share) => `${100 * share}%`);
  ["left", "top", "width", "height"].forEach((side, n) => mark.style.setProperty(side, sides[n]));
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

/**
 * Show a photo's category as a chip, behind which are the probabilities, the most probable first. `prediction`: null: there is
 * none; undefined: it is not known yet. `only`: whether results are of that category alone; `restrict(category)` is called.
 */
export function showCategory(prediction, only, restrict) {
  const shown = byId("category");
  shown.hidden = prediction === null;
  byId("only-category").hidden = prediction === null;
  byId("only-category").disabled = !prediction; // it has its place already
  if (!prediction) {
    shown.open = false;
    byId("category-name").textContent = "…";
    byId("category-share").textContent = "";
    return;
  }
  const bars = prediction.probabilities.map(({ category, probability }) => {
    const fill = element("div", "fill");
    fill.style.setProperty("--probability", probability);
    const share = element("span", "share", percent(probability));
    const track = element("div", "track", fill);
    return element("li", category === prediction.category ? "top" : "", element("span", "", category), share, track);
  });
  byId("category-name").textContent = prediction.category;
  byId("category-share").textContent = percent(prediction.probabilities[0].probability);
  byId("bars").replaceChildren(...bars);
  const toggle = byId("only-category");
  toggle.setAttribute("aria-pressed", String(only === prediction.category));
  toggle.onclick = () => restrict(only === prediction.category ? "" : prediction.category);
}

/** Show what was liked and disliked as chips: [{item, how}]; `remove(item)` is called. `alone`: whether they are the query. */
export function showChoices(choices, remove, alone) {
  const chips = choices.map(({ item, how, title, photo }) => {
    const image = element("img", "");
    image.alt = "";
    image.src = photo;
    const made = button(`chip choice ${how}`, `Remove ${title}`, image, element("span", "name", title), element("span", "cross", "×"));
    made.addEventListener("click", () => remove(item, how));
    return element("li", "", element("span", "visually-hidden", how === "like" ? "More like: " : "Less like: "), made);
  });
  byId("choices").hidden = !choices.length;
  byId("choices-list").replaceChildren(...chips);
  byId("choices-hint").hidden = alone;
}

/** Move the focus to the new query, so that screen readers announce it. */
export function focusQuery() {
  byId("query-heading").focus({ preventScroll: true });
}
