// The page around the search: what is going on, errors, who has signed in, the live release.

import { clearCards } from "./cards.js";
import { byId, count, duration, megabytes } from "./text.js";

const STAGES = { decode: "decoding", forward: "model", search: "search", total: "in all" };

/** Say what is going on; `share`: of the photo that was sent, from 0 to 1; undefined: nothing is being sent. */
export function showProgress(text, share) {
  hideFailure();
  byId("status").textContent = text;
  byId("timings").textContent = "";
  byId("sending").hidden = share === undefined;
  byId("sending").value = share ?? 0;
  byId("more-results").hidden = true;
}

/** Say what was found, how long it took, and whether there is more. */
export function showOutcome(text, { timings = {}, sent, request }, more) {
  hideFailure();
  byId("sending").hidden = true;
  byId("status").textContent = text;
  byId("more-results").hidden = !more;
  byId("as-code").hidden = false;
  const stages = Object.entries(STAGES).filter(([name]) => name in timings);
  const served = stages.map(([name, label]) => (name === "total" ? `${duration(timings[name])} ${label}` : `${label} ${duration(timings[name])}`));
  const upload = request?.photos ? `${megabytes(sent.bytes)} sent in ${duration(sent.seconds)}; ` : "";
  byId("timings").textContent = stages.length ? `${upload}service: ${served.join(", ")}` : "";
}

function hideFailure() {
  byId("failure").hidden = true;
  byId("found").classList.remove("failed", "unfiltered");
}

/** Show an error: {title, detail, retry, filters}, as from `explain`. The filters stay if they are a way out. */
export function showFailure({ title, detail, retry, filters = false }) {
  clearCards();
  byId("found").hidden = false;
  byId("found").classList.add("failed");
  byId("found").classList.toggle("unfiltered", !filters || !byId("filter-chips").childElementCount);
  byId("category").hidden = byId("only-category").hidden = true;
  byId("status").textContent = "";
  byId("timings").textContent = "";
  byId("sending").hidden = true;
  byId("more-results").hidden = true;
  byId("as-code").hidden = true;
  byId("failure-title").textContent = title;
  byId("failure-detail").textContent = detail;
  byId("retry").hidden = !retry;
  byId("failure").hidden = false;
}

/** Instead of the search, show what must happen first: {title, detail}, and the text of a button, or "" for none. */
export function showGate({ title, detail, action }) {
  document.body.dataset.gate = "closed";
  byId("gate-title").textContent = title;
  byId("gate-detail").textContent = detail;
  const button = byId("sign-in");
  button.textContent = button.dataset.action = action;
  button.hidden = !action;
  byId("gate").hidden = false;
}

/** Show the search. */
export function hideGate() {
  document.body.dataset.gate = "open";
  byId("gate").hidden = true;
}

/** Show who has signed in, with a button to sign out; nothing if nobody has. */
export function showAccount(signedIn, person = "") {
  byId("person").textContent = person;
  byId("person").hidden = !signedIn || !person;
  byId("sign-out").hidden = !signedIn;
}

/** Show the live release in the footer; null if it is unknown. `comparable`: whether others may be compared with it. */
export function showRelease(release, comparable) {
  byId("report").hidden = !release;
  byId("compare").hidden = !release || !comparable;
  if (release?.previous) byId("other-release").value ||= release.previous;
  byId("release").textContent = release
    ? `Release ${release.release} · ${count(release.count, "photo")} · ${release.categories.length} categories`
    : "The live release is unknown: none is live, or the request for it failed.";
}
