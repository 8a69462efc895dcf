"""Context keys: who may call the API and who operates it."""

import re
from dataclasses import dataclass

from cdk.context.rules import (
    ORIGIN,
    PRINCIPAL,
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
        "iam",
        one_of("iam", "jwt", "none"),
        "who may call the API: requests signed with IAM, requests with a JWT, or anyone",
    )
    jwt_issuer: str | None = key(
        None, matching(r"https://[^\s,]+", "an https:// URL"), "issuer of the tokens; required with auth=jwt"
    )
    jwt_audience: tuple[str, ...] = key(
        (), list_of(r"[^\s,]+", "audiences separated by commas"), "accepted audiences; required with auth=jwt"
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

    operator_principal: str | None = key(
        None,
        matching(PRINCIPAL, "the ARN of an account's root, a user, a role or a role's session"),
        "who may assume the operator role; unset: principals of the account that signed in with MFA",
    )
