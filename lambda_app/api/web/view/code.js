// The drawer with the search as code: the very request for curl, Python and JavaScript, and the answer.

import { byId } from "./text.js";

const SHOWN_NUMBERS = 4; // of the embedding and the features

/** Fill the drawer: `request` as of `call`, whether it needs a bearer token, and the answer. Opens it. */
export function showCode(request, needsToken, answer) {
  byId("code-curl").textContent = command(request, needsToken);
  byId("code-python").textContent = python(request, needsToken);
  byId("code-javascript").textContent = javascript(request, needsToken);
  byId("code-json").textContent = JSON.stringify(answer, shortened, 2);
  byId("code").showModal();
}

// Python's and JavaScript's texts between double quotes are those of JSON.
const quoted = JSON.stringify;

function shortened(_, value) {
  const long = Array.isArray(value) && value.length > SHOWN_NUMBERS && value.every((one) => typeof one === "number");
  return long ? [...value.slice(0, SHOWN_NUMBERS), `… ${value.length - SHOWN_NUMBERS} more`] : value;
}

function names(photos) {
  return Array.from({ length: photos }, (_, n) => (photos === 1 ? "photo.jpg" : `photo-${n + 1}.jpg`));
}

/** A text as one word of a shell. */
export function shell(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The request as a command of bash or zsh. */
export function command({ url, photos, json }, needsToken) {
  const parts = ["curl --fail-with-body"];
  if (needsToken) parts.push(`-H "Authorization: Bearer $TOKEN"`);
  for (const name of names(photos)) parts.push(`-F file=@${name}`);
  if (json) parts.push(`-H 'Content-Type: application/json'`, `-d ${shell(JSON.stringify(json))}`);
  return [...parts, shell(url)].join(" \\\n  ");
}

/** The request in Python, with the package requests. */
export function python({ method, url, photos, json }, needsToken) {
  const options = [];
  if (needsToken) options.push(`headers={"Authorization": f"Bearer {os.environ['TOKEN']}"},`);
  if (photos) options.push(`files=[${names(photos).map((name) => `("file", open(${quoted(name)}, "rb"))`).join(", ")}],`);
  if (json) options.push(`json=${JSON.stringify(json)},`);
  return [
    ...(needsToken ? ["import os", ""] : []),
    "import requests",
    "",
    `answer = requests.${method.toLowerCase()}(`,
    `    ${quoted(url)},`,
    ...options.map((option) => `    ${option}`),
    "    timeout=30,",
    ")",
    "answer.raise_for_status()",
    `for result in answer.json()["results"]:`,
    `    print(result["score"], result["image_id"], result["title"])`,
  ].join("\n");
}

/** The request in JavaScript, for a browser; `file` is a File, such as of an <input>. */
export function javascript({ method, url, photos, json }, needsToken) {
  const headers = [needsToken && "Authorization: `Bearer ${token}`", json && '"Content-Type": "application/json"'].filter(Boolean);
  const options = [
    method !== "GET" && `method: ${quoted(method)},`,
    headers.length && `headers: { ${headers.join(", ")} },`,
    photos && "body,",
    json && `body: JSON.stringify(${JSON.stringify(json)}),`,
  ].filter(Boolean);
  const files = names(photos).map((_, n) => `body.append("file", ${photos === 1 ? "file" : `files[${n}]`});`);
  return [
    ...(photos ? ["const body = new FormData();", ...files] : []),
    options.length ? `const response = await fetch(${quoted(url)}, {` : `const response = await fetch(${quoted(url)});`,
    ...(options.length ? [...options.map((option) => `  ${option}`), "});"] : []),
    "if (!response.ok) throw new Error((await response.json()).detail);",
    "const { results } = await response.json();",
  ].join("\n");
}
