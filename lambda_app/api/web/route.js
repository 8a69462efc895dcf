// The URL fragment (after "#") contains the query and the filters. So back, forward, reload and shared links work. The photo itself
// is never part of the URL, only the id under which this tab keeps it. Words may also come with a photo or an item: they are
// one of the filters.

export const PAGE = 24; // listings of the first page; `k` of the fragment says how many are shown if there are more
export const FILTERS = ["category", "min_price", "max_price", "min_score", "distinct"];

const FIELDS = [...FILTERS, "k", "q", "box", "with"]; // with: the release that is compared with the live one
const WORDS = ["category", "min_price", "max_price", "distinct"];
// What is sent with each kind of query.
const SENT = {
  photo: [...FILTERS, "q", "box"],
  item: [...FILTERS, "q"],
  likes: FILTERS,
  words: [...WORDS, "q"],
  browse: WORDS,
};

/**
 * "#item=42&max_price=100" -> {kind: "item", id: "42", liked: [], disliked: [], filters: {max_price: "100"}}
 * Kinds: home; photo, item (with an id); likes (ids of liked and disliked items); words (filters.q); browse.
 */
export function parseRoute(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const filters = {};
  for (const name of FIELDS) {
    const value = fields.get(name)?.trim();
    if (value) filters[name] = value;
  }
  const [liked, disliked] = [fields.getAll("like"), fields.getAll("dislike")];
  const named = ["photo", "item"].find((name) => fields.get(name));
  const kind = named ?? (liked.length ? "likes" : fields.has("browse") ? "browse" : filters.q ? "words" : "home");
  return { kind, id: named ? fields.get(named) : "", liked, disliked, filters };
}

/** The inverse of parseRoute. */
export function formatRoute({ kind, id = "", liked = [], disliked = [], filters = {} }) {
  const fields = new URLSearchParams();
  if (kind === "photo" || kind === "item") fields.set(kind, id);
  if (kind === "browse") fields.set("browse", "all");
  if (kind !== "home") for (const name of FIELDS) if (filters[name]) fields.set(name, filters[name]);
  if (kind === "likes") for (const one of liked) fields.append("like", one);
  if (kind !== "home") for (const one of disliked) fields.append("dislike", one);
  return `#${fields}`;
}

/** The parameters of a query that its route of the API takes. */
export function parameters({ kind, filters }) {
  const sent = SENT[kind].filter((name) => filters[name]).map((name) => [name, filters[name]]);
  return { ...Object.fromEntries(sent), k: filters.k ?? String(PAGE) };
}

/** The filters that a kind of query takes. */
export function filtersOf(kind) {
  return (SENT[kind] ?? []).filter((name) => FILTERS.includes(name));
}

/** "?q=red+sofa", of a link from elsewhere -> its fragment "#q=red+sofa"; "" if there are no words in it. */
export function linkedWords(search) {
  const q = new URLSearchParams(search).get("q")?.trim();
  return q ? formatRoute({ kind: "words", filters: { q } }) : "";
}

/** Whether any filter is set that the kind of query takes. */
export function isFiltered({ kind, filters }) {
  return filtersOf(kind).some((name) => filters[name] && name !== "distinct") || Boolean(filters.box);
}
