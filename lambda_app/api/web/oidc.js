// OpenID Connect for a page without a server: the authorization-code flow with PKCE, `state` and `nonce`.
// Sources: OpenID Connect Core 1.0 (3.1), Discovery 1.0, RP-Initiated Logout 1.0; RFC 6749, 7009, 7636, 9207.

const LEEWAY = 300; // seconds that the clocks of this device and of the provider may differ

/** Signing in or renewing failed. `ended`: the provider no longer knows this sign-in. */
export class SignInError extends Error {
  constructor(title, detail, { ended = false } = {}) {
    super(detail);
    this.name = "SignInError";
    this.title = title;
    this.ended = ended;
  }
}

/** The provider's metadata: its endpoints. */
export async function discover(issuer) {
  const metadata = await answerOf(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, {});
  if (metadata.issuer !== issuer) {
    throw misconfigured(`The sign-in service calls itself ${metadata.issuer}, but this deployment expects ${issuer}.`);
  }
  if (!metadata.authorization_endpoint || !metadata.token_endpoint) {
    throw misconfigured(`${issuer} names no address to sign in at.`);
  }
  return metadata;
}

/** Where to send the browser, and what `finish` must know afterwards: {url, pending}. */
export async function begin(provider, client, page) {
  if (!globalThis.crypto?.subtle) {
    throw misconfigured("A browser signs in only on a page with HTTPS, or on the machine that serves it.");
  }
  const [state, nonce, verifier] = [random(), random(), random()];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const url = withQuery(provider.authorization_endpoint, {
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: page,
    scope: client.scopes,
    state,
    nonce,
    code_challenge: base64Url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  });
  return { url, pending: { state, nonce, verifier } };
}

/** Check where an answer of the provider came from, before anything of it is believed or shown. */
export function checkState(params, pending) {
  if (!pending || params.get("state") !== pending.state) {
    throw refused("It did not begin in this tab, or its answer was used before. Sign in again.");
  }
}

/** Exchange the code of the provider's answer for tokens. Call `checkState` first. */
export async function finish(provider, client, page, params, pending) {
  if (params.has("error")) {
    if (params.get("error") === "access_denied") {
      throw new SignInError("Access was denied", params.get("error_description") ?? "The sign-in service let nobody in.");
    }
    throw misconfigured(`The sign-in service answered ${params.get("error")}: ${params.get("error_description") ?? "no reason"}.`);
  }
  if (params.has("iss") && params.get("iss") !== provider.issuer) throw misconfigured("Another sign-in service answered.");
  const tokens = await tokenRequest(provider, client, {
    grant_type: "authorization_code",
    code: params.get("code"),
    redirect_uri: page,
    code_verifier: pending.verifier,
  }).catch((error) => {
    throw error.ended ? refused("It took too long, or its answer was used before. Sign in again.") : error;
  });
  if (!tokens.id) throw misconfigured("The sign-in service gave no ID token.");
  checkIdToken(tokens.id, provider, client, pending.nonce);
  return tokens;
}

/** New tokens for a refresh token. What the provider does not send again stays as it was. */
export async function renew(provider, client, { refresh, id }) {
  const tokens = await tokenRequest(provider, client, { grant_type: "refresh_token", refresh_token: refresh });
  if (tokens.id) checkIdToken(tokens.id, provider, client);
  return { ...tokens, refresh: tokens.refresh ?? refresh, id: tokens.id ?? id };
}

/** Make a refresh token useless. The person has signed out whether or not this succeeds. */
export async function revoke(provider, client, refresh) {
  if (!provider.revocation_endpoint || !refresh) return;
  const body = new URLSearchParams({ token: refresh, token_type_hint: "refresh_token", client_id: client.client_id });
  await fetch(provider.revocation_endpoint, { method: "POST", body, credentials: "omit", keepalive: true }).catch(() => {});
}

/** Where to send the browser to end the provider's own session; null if it has no such address. */
export function signOutUrl(provider, client, id, page, auth) {
  if (auth === "cognito") {
    // Cognito's own endpoint, with names of its own for the parameters.
    const endpoint = new URL("/logout", provider.authorization_endpoint);
    return withQuery(endpoint, { client_id: client.client_id, logout_uri: page });
  }
  if (!provider.end_session_endpoint) return null;
  return withQuery(provider.end_session_endpoint, {
    client_id: client.client_id,
    post_logout_redirect_uri: page,
    ...(id ? { id_token_hint: id } : {}),
  });
}

/** The claims of a JWT. Its signature is not checked: it came from the provider itself, over TLS (Core 1.0, 3.1.3.7). */
export function claimsOf(token) {
  try {
    const bytes = Uint8Array.from(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw misconfigured("The sign-in service sent a token that cannot be read.");
  }
}

function checkIdToken(token, provider, client, nonce) {
  const { iss, aud, exp, iat, nonce: given } = claimsOf(token);
  if (iss !== provider.issuer) throw misconfigured(`The ID token is from ${iss}.`);
  if (![aud].flat().includes(client.client_id)) throw misconfigured(`The ID token is for ${aud}, not for this page.`);
  if (nonce !== undefined && given !== nonce) {
    throw refused("The answer belongs to another sign-in. Sign in again.");
  }
  const now = Date.now() / 1000;
  const [ahead, behind] = [now - exp, iat - now];
  if (Math.max(ahead, behind) > LEEWAY) {
    const minutes = Math.round(Math.max(now - iat, behind) / 60);
    throw new SignInError(
      "The clock of this device is wrong",
      `It is about ${minutes} minutes ${behind > 0 ? "behind" : "ahead of"} the sign-in service's. Set it right and sign in again.`,
    );
  }
}

async function tokenRequest(provider, client, fields) {
  const body = new URLSearchParams({ ...fields, client_id: client.client_id });
  const answer = await answerOf(provider.token_endpoint, { method: "POST", body, cache: "no-store", redirect: "error" });
  const { access_token: access, id_token: id, refresh_token: refresh, expires_in: seconds = 300 } = answer;
  if (!access) throw misconfigured("The sign-in service gave no access token.");
  return { access, id, refresh, expires: Date.now() + seconds * 1000 };
}

async function answerOf(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: "omit", ...options });
  } catch {
    throw new SignInError(
      "The sign-in service cannot be reached",
      `${new URL(url).host} did not answer. Check your connection. If it answers elsewhere, the operator must allow this page to call it.`,
    );
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  if (answer.error === "invalid_grant") {
    throw new SignInError("Your sign-in has ended", "Sign in again to go on.", { ended: true });
  }
  const reason = answer.error_description ?? answer.error ?? "no reason";
  throw new SignInError("The sign-in service failed", `${new URL(url).host} answered ${response.status}: ${reason}.`);
}

function refused(detail) {
  return new SignInError("This sign-in was refused", detail);
}

function misconfigured(detail) {
  return new SignInError("Signing in failed", `${detail} The operator of this deployment can mend this.`);
}

function withQuery(address, fields) {
  const url = new URL(address);
  for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value);
  return url.href;
}

function random() {
  return base64Url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64Url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
