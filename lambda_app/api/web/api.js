// Calls to the API. URLs are relative to the page: the same origin, and below the page's own path.

import { SignInError } from "./oidc.js";
import { authorization, renewAfterRefusal } from "./session.js";

export const ROUTES = {
  predict: "POST predict",
  search: "GET search",
  browse: "GET items",
  item: "GET items/{image_id}",
  similar: "GET items/{image_id}/similar",
  recommend: "POST recommend",
  image: "GET images/{image_id}",
  examples: "GET examples",
  example: "GET examples/{number}",
  release: "GET release",
  report: "GET release/report",
};

/** An error response of the API. Status 0 means: there was no response. */
export class ApiError extends Error {
  constructor(status, detail) {
    super(detail);
    this.name = "ApiError";
    this.status = status;
  }
}

/** The absolute URL of a route. */
export function address(route, params = {}, query = {}) {
  const [, template] = ROUTES[route].split(" ");
  const path = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name]));
  const url = new URL(path, document.baseURI);
  url.search = new URLSearchParams(query);
  return url;
}

/** The URL of an item's photo: `photo` if set (a path starting with "/" is relative to the page), else the API's route. */
export function photoAddress({ image_id, photo }) {
  if (!photo) return address("image", { image_id }).href;
  return new URL(photo.startsWith("/") ? `.${photo}` : photo, document.baseURI).href;
}

/**
 * Call a route. Resolves to {answer, release, timings, sent, request}: the JSON body; the id of the release that answered; the
 * seconds of the service's stages by name; {bytes, seconds} of a body that was sent; and {method, url, photos, json}, what was asked.
 * `photos` are sent as a form; `json` as it is; `onSent` is called with the share of the body that was sent, from 0 to 1.
 * Throws ApiError, or AbortError if `signal` is aborted.
 */
export async function call(route, { params, query, photos, json, signal, onSent } = {}) {
  const [method] = ROUTES[route].split(" ");
  const url = address(route, params, query);
  const body = photos ? form(photos) : json && JSON.stringify(json);
  const type = json ? { "Content-Type": "application/json" } : {};
  const request = { method, url: url.href, photos: photos?.length ?? 0, json };
  const send = async () => exchange(method, url, { ...type, ...(await headers()) }, { body, signal, onSent });
  let response = await send();
  if (response.status === 401 && (await renewAfterRefusal())) response = await send();
  if (response.status < 200 || response.status > 299) throw new ApiError(response.status, errorDetail(response));
  const { text, header, sent } = response;
  return { answer: JSON.parse(text), release: header("X-Lookalike-Release"), timings: timings(header("Server-Timing")), sent, request };
}

/** Get the bytes of a route of this origin, as a Blob. Throws as `call`. */
export async function download(route, params, signal) {
  let response;
  try {
    response = await fetch(address(route, params), { headers: await headers(), signal });
  } catch (error) {
    if (error.name === "AbortError" || error instanceof SignInError) throw error;
    throw unreachable();
  }
  if (response.ok) return response.blob();
  throw new ApiError(response.status, errorDetail({ status: response.status, text: await response.text() }));
}

async function headers() {
  return { Accept: "application/json", ...(await authorization()) };
}

function form(photos) {
  const body = new FormData();
  for (const photo of photos) body.append("file", photo, "photo");
  return body;
}

// XMLHttpRequest, because fetch does not tell how much of a body was sent.
function exchange(method, url, headers, { body, signal, onSent = () => {} }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    const begun = performance.now();
    const sent = { bytes: 0, seconds: 0 };
    signal?.throwIfAborted();
    signal?.addEventListener("abort", abort);
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (body) {
      request.upload.onprogress = ({ loaded, total }) => onSent(total ? loaded / total : 0);
      request.upload.onload = ({ loaded }) => {
        Object.assign(sent, { bytes: loaded, seconds: (performance.now() - begun) / 1000 });
        onSent(1);
      };
    }
    request.onload = () =>
      resolve({ status: request.status, text: request.responseText, header: (name) => request.getResponseHeader(name), sent });
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new DOMException("The search was replaced by another.", "AbortError"));
    request.onloadend = () => signal?.removeEventListener("abort", abort);
    request.send(body);
  });
}

function unreachable() {
  return new ApiError(0, "The connection failed. Check that you are online and that the service is running.");
}

// "decode;dur=4.1, total;dur=9.2" -> {decode: 0.0041, total: 0.0092}
function timings(header) {
  const entries = [...(header ?? "").matchAll(/(\w+);dur=([\d.]+)/g)];
  return Object.fromEntries(entries.map(([, name, milliseconds]) => [name, Number(milliseconds) / 1000]));
}

// The text of an error response. The API puts it in `detail` (RFC 9457), API Gateway in `message`; it may be missing.
function errorDetail({ status, text }) {
  try {
    const problem = JSON.parse(text);
    return String(problem.detail ?? problem.message ?? `The service answered ${status}.`);
  } catch {
    return `The service answered ${status} without an explanation.`;
  }
}

const BUSY = "Many people are searching now. Wait a few seconds, then try again.";

/**
 * Texts for the user about an error: {title, detail, retry, filters}. `retry`: whether another attempt may succeed; `filters`:
 * whether other filters may help.
 */
export function explain(error) {
  if (error instanceof SignInError) return { title: error.title, detail: error.message, retry: !error.ended };
  if (!(error instanceof ApiError)) return { title: "This photo cannot be sent", detail: error.message, retry: false };
  const { status, message: detail } = error;
  if (status === 0) return { title: "The service cannot be reached", detail, retry: true };
  if (status === 401) {
    return {
      title: "The service did not accept your sign-in",
      detail: `Sign out and sign in again. If that does not help, this deployment expects tokens for another audience. (${detail})`,
      retry: true,
    };
  }
  if (status === 403) {
    return {
      title: "You may not use this service",
      detail: `Ask its operator for access. (${detail})`,
      retry: false,
    };
  }
  if (status === 404) return { title: "Not found", detail, retry: false };
  if (status === 413) return { title: "This photo is too large", detail: detail.replace(", or send it by POST /uploads", ""), retry: false };
  if (status === 415) return { title: "This is not a photo that can be searched", detail, retry: false };
  if (status === 429) return { title: "The service is busy", detail: BUSY, retry: true };
  if (status === 501) return { title: "This cannot be searched by words yet", detail, retry: false };
  if (status === 503) {
    const busy = /limit|memory/.test(detail);
    return { title: busy ? "The service is busy" : "The service is not ready yet", detail: busy ? BUSY : detail, retry: true };
  }
  if (status < 500) return { title: "The service refused this search", detail: detail.replace(/^q (?=is|has)/, "the text of your search "), retry: false, filters: status === 422 };
  return { title: "The service failed", detail, retry: true };
}
