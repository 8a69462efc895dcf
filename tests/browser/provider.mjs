// An OpenID provider for the tests: oidc-provider on a free port. Anyone may sign in, with any password.
// Arguments: the address of the page; "jwt" or "opaque" access tokens. Prints its issuer.

import { createServer } from "node:http";

import Provider from "oidc-provider";

const [page, access] = process.argv.slice(2);
const RESOURCE = "urn:lookalike";
const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "page",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      redirect_uris: [page],
      post_logout_redirect_uris: [page],
    },
  ],
  clientBasedCORS: (_, origin) => `${origin}/` === page,
  claims: { openid: ["sub"], email: ["email"] },
  conformIdTokenClaims: false, // so that the ID token has the email address, as Cognito's
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@shop.example` }) }),
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  pkce: { required: () => true },
  cookies: { keys: ["only for tests"] },
  // Nobody is asked for consent.
  async loadExistingGrant({ oidc }) {
    const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope("openid email");
    grant.addResourceScope(RESOURCE, "openid email");
    await grant.save();
    return grant;
  },
  features: {
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: access === "jwt",
      defaultResource: () => RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: "openid email",
        audience: "lookalike",
        accessTokenFormat: "jwt",
        accessTokenTTL: 3600,
        jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
});
server.on("request", provider.callback());
console.log(issuer);
