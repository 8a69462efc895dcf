// The address after "#": what was asked (a photo of this visit, or an item) and the filters. So back, forward,
// reload and a shared link to an item all work; a photo itself never enters the address.

export const DEFAULT_K = "12";
export const FILTERS = ["category", "min_price", "max_price", "k"];

/** "#item=42&max_price=100" -> {kind: "item", id: "42", filters: {max_price: "100", k: "12"}} */
export function parseRoute(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const kind = ["item", "photo"].find((name) => fields.get(name)) ?? "home";
  const filters = { k: DEFAULT_K };
  for (const name of FILTERS) {
    if (fields.get(name)) filters[name] = fields.get(name);
  }
  return { kind, id: fields.get(kind) ?? "", filters };
}

/** The inverse of parseRoute; defaults are left out. */
export function formatRoute({ kind, id, filters }) {
  if (kind === "home") return "#";
  const fields = new URLSearchParams({ [kind]: id });
  for (const name of FILTERS) {
    if (filters[name] && !(name === "k" && filters.k === DEFAULT_K)) fields.set(name, filters[name]);
  }
  return `#${fields}`;
}

/** Whether any filter but the number of results is set. */
export function isFiltered(filters) {
  return FILTERS.some((name) => name !== "k" && filters[name]);
}
