// Calls to the API, on the page's own origin and below the page's own path.

export const ROUTES = {
  predict: "POST predict",
  item: "GET items/{image_id}",
  similar: "GET items/{image_id}/similar",
  image: "GET images/{image_id}",
  release: "GET release",
};

/** What the API answered instead of a result; status 0: it did not answer at all. */
export class ApiError extends Error {
  constructor(status, detail) {
    super(detail);
    this.name = "ApiError";
    this.status = status;
  }
}

/** The absolute address of a route. */
export function address(route, params = {}, query = {}) {
  const [, template] = ROUTES[route].split(" ");
  const path = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name]));
  const url = new URL(path, document.baseURI);
  url.search = new URLSearchParams(query);
  return url;
}

/** The address of an item's photo: the one it came with, which may lie below the page's own path, or its route. */
export function photoAddress({ image_id, photo }) {
  if (!photo) return address("image", { image_id }).href;
  return new URL(photo.startsWith("/") ? `.${photo}` : photo, document.baseURI).href;
}

/**
 * Call a route; resolves to {answer, release}: the JSON body, and the id of the release that gave it.
 * Throws ApiError, or AbortError when `signal` aborts.
 */
export async function call(route, { params, query, body, signal } = {}) {
  const [method] = ROUTES[route].split(" ");
  let response;
  try {
    response = await fetch(address(route, params, query), { method, body, signal, headers: { Accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The connection failed. Check that you are online and that the service is running.");
  }
  if (!response.ok) throw new ApiError(response.status, await refusal(response));
  return { answer: await response.json(), release: response.headers.get("X-Lookalike-Release") };
}

/** Category and similar listings of a photo. */
export function predict(photo, query, signal) {
  const body = new FormData();
  body.append("file", photo, "photo");
  return call("predict", { query, body, signal });
}

// The API explains itself in `detail` (RFC 9457); a gateway in front of it in `message`, or not at all.
async function refusal(response) {
  try {
    const problem = await response.json();
    return String(problem.detail ?? problem.message ?? `The service answered ${response.status}.`);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return `The service answered ${response.status} without a reason.`;
  }
}

/** An error in words for a person: {title, detail, retry}. */
export function explain(error) {
  if (!(error instanceof ApiError)) return { title: "This photo cannot be sent", detail: error.message, retry: false };
  const { status, message: detail } = error;
  if (status === 0) return { title: "The service cannot be reached", detail, retry: true };
  if (status === 401) {
    return {
      title: "This deployment asks for a token",
      detail: `It runs in the jwt mode and answers callers who send a bearer token, which this page does not hold. (${detail})`,
      retry: false,
    };
  }
  if (status === 403) {
    return {
      title: "This deployment answers signed callers only",
      detail: "Requests here must be signed with AWS credentials, which a browser does not have. To search from a browser, the deployment needs the jwt or none mode.",
      retry: false,
    };
  }
  if (status === 404) return { title: "Not found", detail, retry: false };
  if (status === 429) return { title: "Too many requests just now", detail, retry: true };
  if (status === 503) return { title: "The service is not ready yet", detail, retry: true };
  if (status < 500) return { title: "The service refused this search", detail, retry: false };
  return { title: "The service failed", detail, retry: true };
}
