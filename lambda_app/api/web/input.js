// What visitors do with a mouse, a keyboard, a clipboard or a camera, passed on to those who act on it.

import { checkPrices, filterValues, showScore } from "./view/filters.js";
import { byId } from "./view/text.js";

/** Connect the ways to a search: `searchFile(file)`, `addFiles(files)`, `searchWords(text)`, `applyFilters(values)`. */
export function connectInput({ searchFile, addFiles, searchWords, applyFilters }) {
  connectFiles(searchFile, addFiles);
  connectDrops(searchFile);
  byId("words").addEventListener("submit", (event) => {
    event.preventDefault();
    searchWords(byId("q").value.trim());
  });
  const form = byId("filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", showScore);
  form.addEventListener("change", () => {
    if (checkPrices() && form.reportValidity()) applyFilters(filterValues());
  });
  byId("filters-open").addEventListener("click", ({ target }) => {
    form.hidden = !form.hidden;
    target.setAttribute("aria-expanded", String(!form.hidden));
  });
  for (const copy of document.querySelectorAll("[data-copies]")) {
    copy.hidden = !navigator.clipboard; // without TLS, browsers have none
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(byId(copy.dataset.copies).textContent);
      byId("copied").textContent = "Copied";
    });
  }
}

function connectFiles(searchFile, addFiles) {
  for (const id of ["file", "camera"]) {
    byId(id).addEventListener("change", ({ target }) => {
      const [file] = target.files;
      if (file) searchFile(file);
      target.value = ""; // so that choosing the same file again triggers the event
    });
  }
  byId("more-photos").addEventListener("change", ({ target }) => {
    addFiles([...target.files]);
    target.value = "";
  });
  document.addEventListener("paste", (event) => {
    const file = firstImage(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    searchFile(file);
  });
}

function connectDrops(searchFile) {
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dragging");
  });
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("dragging");
    const file = firstImage(event.dataTransfer);
    if (!file) return;
    event.preventDefault();
    searchFile(file);
  });
}

function firstImage(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0];
}

/** Call `more` when the visitor asks for more results. */
export function connectPaging(more) {
  byId("more-results").addEventListener("click", more);
}
