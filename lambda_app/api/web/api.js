// Calls to the API. URLs are relative to the page: the same origin, and below the page's own path.

import { SignInError } from "./oidc.js";
import { authorization, renewAfterRefusal } from "./session.js";

export const ROUTES = {
  predict: "POST predict",
  search: "GET search",
  item: "GET items/{image_id}",
  similar: "GET items/{image_id}/similar",
  image: "GET images/{image_id}",
  release: "GET release",
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
 * Call a route. Resolves to {answer, release}: the JSON body, and the id of the release that answered.
 * Throws ApiError, or AbortError if `signal` is aborted.
 */
export async function call(route, { params, query, body, signal } = {}) {
  const [method] = ROUTES[route].split(" ");
  const url = address(route, params, query);
  let response = await send(url, { method, body, signal });
  if (response.status === 401 && (await renewAfterRefusal())) response = await send(url, { method, body, signal });
  if (!response.ok) throw new ApiError(response.status, await errorDetail(response));
  return { answer: await response.json(), release: response.headers.get("X-Lookalike-Release") };
}

async function send(url, request) {
  const headers = { Accept: "application/json", ...(await authorization()) };
  try {
    return await fetch(url, { ...request, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The connection failed. Check that you are online and that the service is running.");
  }
}

/** Get the category and the similar listings of one thing: of a photo, or of several photos of it. */
export function predict(photos, query, signal) {
  const body = new FormData();
  for (const photo of photos) body.append("file", photo, "photo");
  return call("predict", { query, body, signal });
}

// The text of an error response. The API puts it in `detail` (RFC 9457), API Gateway in `message`; it may be missing.
async function errorDetail(response) {
  try {
    const problem = await response.json();
    return String(problem.detail ?? problem.message ?? `The service answered ${response.status}.`);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return `The service answered ${response.status} without an explanation.`;
  }
}

/** Texts for the user about an error: {title, detail, retry}. `retry`: whether another attempt may succeed. */
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
  if (status === 429) return { title: "Too many requests at the moment", detail, retry: true };
  if (status === 501) return { title: "This cannot be searched by words yet", detail, retry: false };
  if (status === 503) return { title: "The service is not ready yet", detail, retry: true };
  if (status < 500) return { title: "The service refused this search", detail, retry: false };
  return { title: "The service failed", detail, retry: true };
}
