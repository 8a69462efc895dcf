// The chosen photos. They are in memory, and what is sent of them is in sessionStorage: so a search survives a reload, belongs to
// one tab, and goes when the tab is closed.

import { prepareAll } from "./prepare.js";

const PREFIX = "lookalike.photo.";
const MOST_KEPT = 8;

export const MOST_PHOTOS = 4; // of one thing, in one search; the API takes no more

const photos = new Map(); // id -> {files, urls, left, sent: promise of {blobs, note}}

/** Remember the photos of one thing; `left`: how many were left out. Returns the id. */
export function remember(files, left = 0) {
  return add({ files, urls: files.map((file) => URL.createObjectURL(file)), left, sent: prepareAll(files) });
}

/** Remember a photo that is still being downloaded: a promise of its File, its name, and an address that shows it. */
export function rememberComing(coming, name, url) {
  const photo = { files: [{ name }], urls: [url], left: 0 };
  photo.sent = coming.then((file) => {
    photo.files = [file];
    return prepareAll(photo.files);
  });
  return add(photo);
}

function add(photo) {
  const id = Math.random().toString(36).slice(2, 10);
  photos.set(id, photo);
  photo.sent.then((ready) => store(id, photo.files, ready), () => {}); // whoever searches gets the error
  return id;
}

/** The photos with this id; undefined if they are gone. */
export function recall(id) {
  if (!photos.has(id)) restore(id);
  return photos.get(id);
}

/** Forget all photos of this tab. */
export function forgetAll() {
  photos.clear();
  for (const key of keys()) sessionStorage.removeItem(key);
}

function keys() {
  return Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
}

async function store(id, files, { blobs, note }) {
  const kept = await Promise.all(blobs.map(async (blob, n) => ({ name: files[n].name, size: files[n].size, url: await asUrl(blob) })));
  const text = JSON.stringify({ at: Date.now(), note, kept });
  const older = keys().sort((a, b) => JSON.parse(sessionStorage.getItem(a)).at - JSON.parse(sessionStorage.getItem(b)).at);
  while (older.length >= MOST_KEPT) sessionStorage.removeItem(older.shift());
  for (;;) {
    try {
      sessionStorage.setItem(PREFIX + id, text);
      return;
    } catch {
      if (!older.length) return; // it does not fit: then a reload loses this photo
      sessionStorage.removeItem(older.shift());
    }
  }
}

function restore(id) {
  const text = sessionStorage.getItem(PREFIX + id);
  if (!text) return;
  const { note, kept } = JSON.parse(text);
  const blobs = kept.map(({ url }) => asBlob(url));
  const files = kept.map(({ name, size }) => ({ name, size }));
  photos.set(id, { files, urls: blobs.map((blob) => URL.createObjectURL(blob)), left: 0, sent: Promise.resolve({ blobs, note }) });
}

function asUrl(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

function asBlob(url) {
  const [head, data] = url.split(",");
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: head.slice("data:".length).split(";")[0] });
}
