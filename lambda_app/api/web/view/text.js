// What all views share: elements, and texts for people. Titles, descriptions, locations and categories are untrusted text: they
// are set as text nodes only, never as HTML.

const NUMBER = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 2 });
const COUNT = new Intl.NumberFormat("en-GB");
const PERCENT = new Intl.NumberFormat("en-GB", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const MIB = 1 << 20;

export const byId = (id) => document.getElementById(id);

/** An element with a class and children; strings become text nodes. */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

/** A button that is no part of a form. `label`: its name for screen readers; empty: its text. */
export function button(className, label, ...children) {
  const made = element("button", className, ...children);
  made.type = "button";
  if (label) made.setAttribute("aria-label", label);
  return made;
}

/** One of the drawings at the end of the page, as decoration. */
export function icon(name) {
  const { namespaceURI } = byId("icons");
  const svg = document.createElementNS(namespaceURI, "svg");
  const use = document.createElementNS(namespaceURI, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** "€1,234.00"; "1,234" if the release does not say its currency; or "No price". */
export function price({ price: value, currency }) {
  if (value === null || value === undefined) return "No price";
  return currency ? new Intl.NumberFormat("en-GB", { style: "currency", currency }).format(value) : NUMBER.format(value);
}

/** A number with the sign of a currency, if it is known: "£40". */
export function amount(value, currency) {
  const style = currency ? { style: "currency", currency, maximumFractionDigits: 2, minimumFractionDigits: 0 } : {};
  return new Intl.NumberFormat("en-GB", style).format(Number(value));
}

/** "1 listing", "1,240 listings". */
export function count(n, noun) {
  return `${COUNT.format(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/** 0.8731 -> "87.3%". */
export function percent(share) {
  return PERCENT.format(share);
}

/** A listing's title; a stand-in if it has none. */
export function titleOf({ title }) {
  return title?.trim() || "Untitled listing";
}

/** 2411724 -> "2.3 MB" */
export function megabytes(bytes) {
  return bytes < 0.1 * MIB ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / MIB).toFixed(1)} MB`;
}

/** 0.0312 -> "31 ms", 1.23 -> "1.2 s" */
export function duration(seconds) {
  return seconds < 1 ? `${Math.max(1, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`;
}

/** Switch to another view: "home" or "search". */
export function switchView(view) {
  if (document.body.dataset.view === view) return;
  document.body.dataset.view = view;
  // Inserted anew, because it is another view now, in which nothing has moved: else browsers count it as a layout shift.
  const main = document.querySelector("main");
  const next = main.nextSibling;
  main.remove();
  next.before(main);
}
