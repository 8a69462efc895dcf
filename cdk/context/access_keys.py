"""Context keys: who may call the API and who operates it."""

import re
from dataclasses import dataclass

from cdk.context.rules import (
    BOOLEAN,
    EMAIL,
    ISSUER,
    ORIGIN,
    PRINCIPAL,
    SECURE_ORIGIN,
    key,
    list_of,
    matching,
    one_of,
    whole,
)


@dataclass(frozen=True)
class AccessKeys:
    """Who may call the API and who operates it."""

    auth: str = key(
        "cognito",
        one_of("cognito", "jwt", "iam", "none"),
        "who may call the API: people in a user pool of this stack, requests with a JWT of your own issuer, "
        "requests signed with IAM, or anyone",
    )
    first_user: str | None = key(
        None,
        matching(EMAIL, "an email address"),
        "the first person in the user pool, who gets an invitation; with auth=cognito",
    )
    mfa: str = key(
        "optional",
        one_of("optional", "required"),
        "whether everyone must sign in with an authenticator app too; with auth=cognito",
    )
    jwt_issuer: str | None = key(
        None, matching(ISSUER, "an https:// URL"), "issuer of the tokens; required with auth=jwt"
    )
    jwt_audience: tuple[str, ...] = key(
        (), list_of(r"[^\s,]+", "audiences separated by commas"), "accepted audiences; required with auth=jwt"
    )
    jwt_client_id: str | None = key(
        None,
        matching(r"[!-~]{1,255}", "the id of a public client"),
        "client of the issuer that the web page signs in as; unset: the page offers no sign-in",
    )
    jwt_scopes: tuple[str, ...] = key(
        ("openid",),
        list_of(r"[!#-+\--\[\]-~]{1,255}", "scopes separated by commas"),
        "scopes that the page asks the issuer for; many issuers renew a sign-in only with offline_access",
    )
    jwt_origins: tuple[str, ...] = key(
        (),
        list_of(SECURE_ORIGIN, "origins such as https://oauth2.example, separated by commas"),
        "further origins of the issuer's endpoints that the page calls, if the token endpoint has another host",
    )
    open_images: bool = key(
        True,
        BOOLEAN,
        "whether GET /images/{id} needs no authentication, so that it works in <img>",
    )
    origins: tuple[str, ...] = key(
        (),
        list_of(re.compile(rf"\*|{ORIGIN.pattern}"), "origins such as https://shop.example, separated by commas, or *"),
        "web origins whose pages may call the API and post to the bucket; unset: only the API's own page",
    )
    throttle_rate: int = key(
        20, whole(1, 10000, "requests a second"), "sustained request rate before the API throttles"
    )
    throttle_burst: int = key(40, whole(1, 5000, "requests"), "request burst before the API throttles")

    catalogue_writes: bool = key(
        False,
        BOOLEAN,
        "whether principals of IAM, such as the operator role, may change the catalogue by the API; not with frontDoor",
    )
    operator_principal: str | None = key(
        None,
        matching(PRINCIPAL, "the ARN of an account's root, a user, a role or a role's session"),
        "who may assume the operator role; unset: principals of the account that signed in with MFA",
    )
