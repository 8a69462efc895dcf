// The URL fragment (after "#") contains the query (the number of a chosen photo, the id of an item, or words alone) and
// the filters. So back, forward, reload and shared links work. The photo itself is never part of the URL. Words may also
// come with a photo or an item: they are one of the filters.

export const DEFAULT_K = "12";
export const FILTERS = ["category", "min_price", "max_price", "k"];

const FIELDS = [...FILTERS, "q"];

/** "#item=42&max_price=100" -> {kind: "item", id: "42", filters: {max_price: "100", k: "12"}} */
export function parseRoute(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const kind = ["item", "photo"].find((name) => fields.get(name)) ?? (fields.get("q")?.trim() ? "words" : "home");
  const filters = { k: DEFAULT_K };
  for (const name of FIELDS) {
    const value = fields.get(name)?.trim();
    if (value) filters[name] = value;
  }
  return { kind, id: fields.get(kind) ?? "", filters };
}

/** The inverse of parseRoute. Default values are omitted. */
export function formatRoute({ kind, id, filters }) {
  if (kind === "home") return "#";
  const fields = new URLSearchParams(kind === "words" ? {} : { [kind]: id });
  for (const name of FIELDS) {
    if (filters[name] && !(name === "k" && filters.k === DEFAULT_K)) fields.set(name, filters[name]);
  }
  return `#${fields}`;
}

/** "?q=red+sofa", of a link from elsewhere -> its fragment "#q=red+sofa"; "" if there are no words in it. */
export function linkedWords(search) {
  const q = new URLSearchParams(search).get("q")?.trim();
  return q ? formatRoute({ kind: "words", filters: { k: DEFAULT_K, q } }) : "";
}

/** Whether any filter is set. The number of results and the words do not count as a filter. */
export function isFiltered(filters) {
  return FILTERS.some((name) => name !== "k" && filters[name]);
}
