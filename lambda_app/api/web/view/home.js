// The start page: photos to try, the categories to browse.

import { address } from "../api.js";
import { formatRoute } from "../route.js";
import { button, byId, element, switchView, titleOf } from "./text.js";

/** Show the start page, without a query. */
export function showHome() {
  switchView("home");
  document.title = "Lookalike: find listings by photo";
  byId("query-card").hidden = true;
  byId("add-photos").hidden = true;
  byId("choose-part").hidden = true;
}

/** Show photos to try; none: hide their place. `search(number, url)` is called with the chosen one and what shows it. */
export function showExamples(examples, search) {
  byId("examples").hidden = !examples.length;
  const items = examples.map((item, number) => {
    const image = element("img", "");
    image.alt = "";
    image.width = image.height = 160;
    image.src = address("image", { image_id: item.image_id }).href;
    const made = button("example", `Search with this photo: ${titleOf(item)}`, image);
    image.onerror = () => made.classList.add("missing");
    made.addEventListener("click", () => search(number, image.src));
    return element("li", "", made);
  });
  byId("examples-list").replaceChildren(...items);
}

/** Show links to the categories; `current`: the one that is shown. */
export function showCategories(categories, current) {
  const links = ["", ...categories].map((category) => {
    const link = element("a", "chip", category || "All");
    link.href = formatRoute({ kind: "browse", filters: { category } });
    if (category === (current ?? "")) link.setAttribute("aria-current", "page");
    return element("li", "", link);
  });
  const list = byId("categories-list");
  list.replaceChildren(...links);
  const shown = list.querySelector("[aria-current]");
  if (shown) list.scrollLeft = shown.offsetLeft - list.offsetLeft - 8;
}
