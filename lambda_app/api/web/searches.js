// Each kind of query: what the page knows of it before the answer, and its search.

import { call, photoAddress } from "./api.js";
import { MOST_PHOTOS, recall } from "./photo/kept.js";
import { PAGE, parameters } from "./route.js";
import { listingAddress } from "./view/cards.js";
import { count, megabytes, price, titleOf } from "./view/text.js";

const items = new Map(); // image id -> item, of all answers: for the chips of what was liked

/** What is known of a query before its answer, as `showQuery` takes it. */
export function firstQuery(route) {
  const { kind, id, filters } = route;
  if (kind === "photo") return photoQuery(id, filters);
  if (kind === "words") return { heading: `Listings for “${filters.q}”` };
  if (kind === "likes") return { heading: "More like your choices" };
  if (kind === "browse") return { heading: filters.category ?? "All listings" };
  const item = items.get(id);
  return item ? itemQuery(item) : { heading: "More like this listing", photo: photoAddress({ image_id: id }), caption: "…" };
}

/** The first search of a route, or with a longer list; `progress(text, share)` is called meanwhile. */
export async function search(route, signal, progress) {
  const found = await SEARCHES[route.kind](route, signal, progress);
  for (const item of found.results) items.set(item.image_id, item);
  return found;
}

/** The answer of another release to the same query: its results. Throws as `call`. */
export async function searchOther(route, release, signal) {
  const { results } = await SEARCHES[route.kind]({ ...route, release }, signal, () => {});
  return results;
}

/** The same search with more results, after `found`; null if there are no more. */
export function longer(route, found, most) {
  if (route.kind === "browse") return found.next === null ? null : { ...route, after: found.next };
  const k = Number(parameters(route).k);
  return found.results.length < k || k >= most ? null : { ...route, filters: { ...route.filters, k: String(Math.min(most, 2 * k)) } };
}

/** Ask for the listings that were liked or disliked and are not known yet. Whether there were any. */
export async function learnChoices({ liked, disliked }) {
  const unknown = [...liked, ...disliked].filter((item) => !items.has(item));
  await Promise.all(
    unknown.map((item) => call("item", { params: { image_id: item } }).then(({ answer }) => items.set(item, answer), () => {})),
  );
  return unknown.length > 0;
}

/** The chips of what was liked and disliked; listings that are not known have their id as title. */
export function choicesOf({ liked, disliked }) {
  const all = [...liked.map((item) => ({ item, how: "like" })), ...disliked.map((item) => ({ item, how: "dislike" }))];
  return all.map(({ item, how }) => {
    const known = items.get(item);
    return { item, how, title: known ? titleOf(known) : item, photo: photoAddress(known ?? { image_id: item }) };
  });
}

function asked(route) {
  return { ...parameters(route), ...(route.release ? { release: route.release } : {}) };
}

function photoQuery(id, { box }) {
  const { files, urls, left } = recall(id);
  const names = files.map(({ name, size }) => [name ?? "photo", size && megabytes(size)].filter(Boolean).join(", "));
  return {
    heading: files.length === 1 ? "Your photo" : `Your ${files.length} photos`,
    photo: urls[0],
    others: urls.slice(1),
    caption: names.join(" · "),
    note: left ? `${count(left, "photo")} left out: a search takes at most ${MOST_PHOTOS}.` : "",
    more: files.length < MOST_PHOTOS && !box,
    part: files.length === 1,
    box,
  };
}

function itemQuery(item) {
  const caption = [price(item), item.category, item.location].filter(Boolean).join(" · ");
  return {
    heading: `More like “${titleOf(item)}”`,
    photo: photoAddress(item),
    caption,
    description: item.description,
    link: listingAddress(item),
  };
}

function found({ answer, ...rest }, query, prediction = null) {
  return { query, prediction, results: answer.results, next: answer.next ?? null, answer, ...rest };
}

async function searchPhoto(route, signal, progress) {
  const photo = recall(route.id);
  progress("Preparing the photo …");
  const { blobs, note } = await photo.sent;
  signal.throwIfAborted();
  const bytes = megabytes(blobs.reduce((sum, { size }) => sum + size, 0));
  const onSent = (share) => (share < 1 ? progress(`Sending ${bytes} …`, share) : progress("Searching …"));
  onSent(0);
  const answered = await call("predict", { photos: blobs, query: asked(route), signal, onSent });
  const query = photoQuery(route.id, route.filters);
  query.caption = [note, query.caption].filter(Boolean).join(" · "); // a line that is there already: nothing moves
  return found(answered, query, answered.answer);
}

async function searchItem(route, signal, progress) {
  progress("Searching …");
  const params = { image_id: route.id };
  const [item, answered] = await Promise.all([
    call("item", { params, signal }).then(({ answer }) => answer),
    call("similar", { params, query: asked(route), signal }),
  ]);
  return found(answered, itemQuery(item));
}

async function searchWords(route, signal, progress) {
  progress("Searching …");
  return found(await call("search", { query: asked(route), signal }), firstQuery(route));
}

async function searchLikes(route, signal, progress) {
  progress("Searching …");
  const { liked, disliked } = route;
  const fields = Object.entries(parameters(route)).map(([name, value]) => [name, /price|score|^k$/.test(name) ? Number(value) : value]);
  const json = { liked, disliked, ...Object.fromEntries(fields) };
  return found(await call("recommend", { json, query: route.release ? { release: route.release } : {}, signal }), firstQuery(route));
}

async function browse(route, signal, progress) {
  progress("Loading …");
  const query = { ...asked(route), k: String(PAGE), ...(route.after === undefined ? {} : { after: route.after }) };
  return found(await call("browse", { query, signal }), firstQuery(route));
}

const SEARCHES = { photo: searchPhoto, item: searchItem, words: searchWords, likes: searchLikes, browse };
