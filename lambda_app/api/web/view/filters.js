// The filters: a form that is opened when needed, and a chip for each filter that is set.

import { filtersOf } from "../route.js";
import { amount, button, byId, element } from "./text.js";

const ANY = "-0.01"; // of the slider, below every similarity that matters

/** Fill the form with the filters of a route, show what its kind of query takes, and a chip for each that is set. */
export function showFilters({ kind, filters }, { categories = [], currency = null } = {}, remove) {
  const form = byId("filters");
  const names = [...categories];
  if (filters.category && !names.includes(filters.category)) names.push(filters.category);
  const options = names.map((name) => new Option(name, name));
  const { category, min_price, max_price, min_score, distinct } = form.elements;
  category.replaceChildren(new Option("All categories", ""), ...options);
  category.value = filters.category ?? "";
  min_price.value = filters.min_price ?? "";
  max_price.value = filters.max_price ?? "";
  min_score.value = filters.min_score ?? ANY;
  distinct.value = filters.distinct ?? "";
  byId("q").value = filters.q ?? "";
  const taken = filtersOf(kind);
  byId("score-field").hidden = !taken.includes("min_score");
  showScore();
  checkPrices();
  const chips = chipsOf(filters, taken, currency);
  byId("filter-chips").replaceChildren(...chips.map(([name, text]) => chip(name, text, remove)));
  byId("filters-open").textContent = chips.length ? `Filters (${chips.length})` : "Filters";
  byId("clear").hidden = !chips.length;
}

/** What the form says, by the names of the API's parameters; "" for what is not set. */
export function filterValues() {
  const { category, min_price, max_price, min_score, distinct } = byId("filters").elements;
  return {
    category: category.value,
    min_price: min_price.value,
    max_price: max_price.value,
    min_score: Number(min_score.value) < 0 ? "" : min_score.value,
    distinct: distinct.value,
  };
}

/** Say what the slider's place means. */
export function showScore() {
  const { value } = byId("filters").elements.min_score;
  byId("score-value").textContent = Number(value) < 0 ? "any" : `from ${Number(value).toFixed(2)}`;
}

/** Whether the prices can be searched for; the form says what is wrong. */
export function checkPrices() {
  const { min_price: low, max_price: high } = byId("filters").elements;
  const crossed = low.value !== "" && high.value !== "" && Number(low.value) > Number(high.value);
  high.setCustomValidity(crossed ? "The lowest price is above the highest." : "");
  byId("price-error").hidden = !crossed;
  return !crossed;
}

function chipsOf(filters, taken, currency) {
  const texts = {
    category: (value) => value,
    min_price: (value) => `From ${amount(value, currency)}`,
    max_price: (value) => `Up to ${amount(value, currency)}`,
    min_score: (value) => `Similarity from ${Number(value).toFixed(2)}`,
    distinct: () => "Every photo",
  };
  const set = taken.filter((name) => filters[name]).map((name) => [name, texts[name](filters[name])]);
  if (filters.box) set.push(["box", "Part of the photo"]);
  if (filters.with) set.push(["with", `Compared with ${filters.with}`]);
  return set;
}

function chip(name, text, remove) {
  const made = button("chip", `Remove filter: ${text}`, element("span", "name", text), element("span", "cross", "×"));
  made.addEventListener("click", () => remove(name));
  return element("li", "", made);
}
