// The URL fragment (after "#") contains the query (the number of a chosen photo, the id of an item, words) and the
// filters. So back, forward, reload and shared links to an item or to words work. The photo itself is never part of the
// URL.

export const DEFAULT_K = "12";
export const FILTERS = ["category", "min_price", "max_price", "k"];

/**
 * "#item=42&max_price=100" -> {kind: "item", id: "42", words: "", filters: {max_price: "100", k: "12"}}
 * "#q=red+sofa" -> {kind: "words", id: "", words: "red sofa", filters: {k: "12"}}; with a photo or an item, the kind is theirs
 */
export function parseRoute(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const words = fields.get("q") ?? "";
  const kind = ["item", "photo"].find((name) => fields.get(name)) ?? (words ? "words" : "home");
  const filters = { k: DEFAULT_K };
  for (const name of FILTERS) {
    if (fields.get(name)) filters[name] = fields.get(name);
  }
  return { kind, id: fields.get(kind) ?? "", words, filters };
}

/** The inverse of parseRoute. Default values are omitted. */
export function formatRoute({ kind, id, words = "", filters }) {
  if (kind === "home") return "#";
  const fields = new URLSearchParams(kind === "words" ? {} : { [kind]: id });
  if (words) fields.set("q", words);
  for (const name of FILTERS) {
    if (filters[name] && !(name === "k" && filters.k === DEFAULT_K)) fields.set(name, filters[name]);
  }
  return `#${fields}`;
}

/** Whether any filter is set. The number of results does not count as a filter. */
export function isFiltered(filters) {
  return FILTERS.some((name) => name !== "k" && filters[name]);
}
