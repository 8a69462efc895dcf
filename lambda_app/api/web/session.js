// Who uses the page: reads /config.json, signs in and out, and has the bearer for each call.
//
// The access token is in memory only. The refresh token is in sessionStorage, so that a reload asks nobody to sign in
// again; it belongs to one tab, goes when the tab is closed, and works once if the provider rotates it. A script that could
// read it could as well use the page's own token: the page's policy (Content-Security-Policy) keeps such scripts out.

import { SignInError, begin, checkState, claimsOf, discover, finish, renew, revoke, signOutUrl } from "./oidc.js";

const PENDING = "lookalike.sign-in"; // a sign-in that has begun: {state, nonce, verifier, view}
const KEPT = "lookalike.session"; // {refresh, id}
const EARLY = 60_000; // milliseconds before its end that a token is renewed

const page = new URL(".", document.baseURI).href;
let config = { auth: "none", sign_in: null, listing_url: "", max_k: 100 };
let tokens = null; // {access, id, refresh, expires}
let provider = null; // promise of the metadata
let renewal = null; // promise of one renewal that all waiting calls share
let ended = () => {};

/**
 * Find out who may use this deployment, and finish or resume a sign-in. `onEnd` is called when a sign-in ends by itself.
 * Resolves to {state, person, error}: state is "open", "signed-in", "signed-out" or "closed" (this page cannot search).
 */
export async function openSession(onEnd) {
  ended = onEnd;
  const params = takeAnswer();
  config = await readConfig();
  if (config.auth === "none") return { state: "open" };
  if (!config.sign_in) return { state: "closed", error: closed(config.auth) };
  try {
    if (params) await complete(params);
    else if (kept()) await renewNow();
  } catch (error) {
    if (!(error instanceof SignInError)) throw error;
    return { state: "signed-out", error };
  }
  return tokens ? { state: "signed-in", person: person() } : { state: "signed-out" };
}

/** What /config.json says; defaults until it was read. */
export function configuration() {
  return config;
}

/** Leave the page for the provider's. `view` is the fragment to return to. */
export async function signIn(view) {
  const { url, pending } = await begin(await metadata(), config.sign_in, page);
  sessionStorage.setItem(PENDING, JSON.stringify({ ...pending, view }));
  location.assign(url);
}

/** Forget the tokens, here and at the provider, and leave for the provider's page that ends its session, if it has one. */
export async function signOut() {
  const { refresh, id } = tokens ?? kept() ?? {};
  forget();
  const known = await metadata();
  await revoke(known, config.sign_in, refresh);
  location.assign(signOutUrl(known, config.sign_in, id, page, config.auth) ?? page);
}

/** The headers that a call of the API needs now. Renews a token that is about to end. */
export async function authorization() {
  if (!tokens) return {};
  if (tokens.refresh && Date.now() > tokens.expires - EARLY) await renewNow();
  return { Authorization: `Bearer ${bearer()}` };
}

/** After an answer 401: try to get a new token. Resolves to whether it is worth calling again. */
export async function renewAfterRefusal() {
  if (!tokens) return false;
  if (!tokens.refresh) {
    if (Date.now() < tokens.expires - EARLY) return false; // not the token's age: another one would be refused too
    end(new SignInError("Your sign-in has ended", "Sign in again to go on."));
    return false;
  }
  await renewNow();
  return true;
}

/** Take the provider's answer out of the page's address, and the view from before the sign-in into it. */
function takeAnswer() {
  const params = new URLSearchParams(location.search);
  if (!params.has("state") || !(params.has("code") || params.has("error"))) return null;
  history.replaceState(null, "", page + (stored(PENDING)?.view ?? ""));
  return params;
}

async function complete(params) {
  const pending = stored(PENDING);
  checkState(params, pending);
  sessionStorage.removeItem(PENDING);
  keep(await finish(await metadata(), config.sign_in, page, params, pending));
}

function renewNow() {
  renewal ??= (async () => {
    try {
      keep(await renew(await metadata(), config.sign_in, tokens ?? kept()));
    } catch (error) {
      if (error.ended) end(error);
      throw error;
    } finally {
      renewal = null;
    }
  })();
  return renewal;
}

function keep(fresh) {
  tokens = fresh;
  if (fresh.refresh) sessionStorage.setItem(KEPT, JSON.stringify({ refresh: fresh.refresh, id: fresh.id }));
}

function forget() {
  tokens = null;
  sessionStorage.removeItem(KEPT);
}

function end(error) {
  forget();
  ended(error);
}

// An access token may be text that only its issuer understands. Then the ID token says who calls.
function bearer() {
  return tokens.access.split(".").length === 3 ? tokens.access : tokens.id;
}

function person() {
  const { email, preferred_username: username, name } = tokens.id ? claimsOf(tokens.id) : {};
  return email ?? username ?? name ?? "";
}

function metadata() {
  provider ??= discover(config.sign_in.issuer).catch((error) => {
    provider = null; // so that another attempt asks again
    throw error;
  });
  return provider;
}

function kept() {
  return stored(KEPT);
}

function stored(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

async function readConfig() {
  const response = await fetch(new URL("config.json", page), { headers: { Accept: "application/json" } }).catch(() => null);
  if (!response?.ok) {
    throw new SignInError("The service cannot be reached", "Check that you are online and that the service is running.");
  }
  return response.json();
}

function closed(auth) {
  if (auth === "iam") {
    return new SignInError(
      "This deployment takes signed requests only",
      "Requests must be signed with AWS credentials, which a browser does not have. Search with scripts/ask --sigv4, or with your own program. To search here, the operator can deploy with auth=cognito or auth=jwt.",
    );
  }
  return new SignInError(
    "Sign-in is not set up",
    "This deployment takes requests with a token, but does not say where people sign in. The operator can set jwtClientId. With a token, scripts/ask --token works.",
  );
}
