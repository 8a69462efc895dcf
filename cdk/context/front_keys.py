"""Context keys: the public address of the API, and what is in front of it."""

from dataclasses import dataclass

from cdk.context.regions import GLOBAL_REGION, without_cloudfront
from cdk.context.rules import BOOLEAN, HOST, key, matching, whole

_CERTIFICATE = r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[0-9a-f-]{36}"


@dataclass(frozen=True)
class FrontKeys:
    """The public address of the API, and what is in front of it."""

    domain: str | None = key(
        None, matching(HOST, "a host name such as search.shop.example"), "host name of the API; requires certificate"
    )
    certificate: str | None = key(
        None,
        matching(_CERTIFICATE, "the ARN of a certificate of ACM"),
        "certificate for domain: of this region, or of us-east-1 with frontDoor",
    )
    hosted_zone: str | None = key(
        None,
        matching(r"Z[A-Z0-9]{1,31}", "the id of a hosted zone of Route 53"),
        "zone that gets the DNS records of domain; unset: an output says which record to make",
    )
    front_door: bool = key(
        False,
        BOOLEAN,
        "put CloudFront with a firewall before the API: caches photos and static files, limits requests per address",
    )
    waf_rate: int = key(
        1000,
        whole(10, 2_000_000_000, "requests"),
        "requests in 5 minutes from one IP address, without photos, before the firewall answers 429",
    )
    origin_secret: int = key(
        1,
        whole(1, 1_000_000),
        "number of the secret between CloudFront and the API; the next number replaces it",
    )


def contradiction(keys: FrontKeys, auth: str) -> str | None:
    """What is wrong with the keys together, in a line; None if nothing is."""
    if keys.domain and not keys.certificate:
        return f"context domain={keys.domain!r} requires certificate, the ARN of its certificate in ACM"
    for name, value in (("certificate", keys.certificate), ("hostedZone", keys.hosted_zone)):
        if value and not keys.domain:
            return f"context {name} is only valid with domain"
    if keys.front_door and auth == "iam":
        return (
            "context frontDoor=true does not work with auth='iam': a signature covers the host name, which CloudFront "
            "changes; set auth to cognito, jwt or none, or only domain and certificate"
        )
    numbers = {"wafRate": keys.waf_rate != FrontKeys.waf_rate, "originSecret": keys.origin_secret != 1}
    for name, given in numbers.items():
        if given and not keys.front_door:
            return f"context {name} is only valid with frontDoor=true"
    return None


def contradiction_in(keys: FrontKeys, region: str) -> str | None:
    """What is wrong with the keys in a region, in a line; None if nothing is."""
    if keys.front_door and without_cloudfront(region):
        return f"context frontDoor=true is not possible in {region}: CloudFront is not part of its partition"
    if keys.certificate:
        needed, found = GLOBAL_REGION if keys.front_door else region, keys.certificate.split(":")[3]
        if needed != found:
            user = "CloudFront" if keys.front_door else "API Gateway"
            return (
                f"context certificate is of {found}; {user} takes a certificate of {needed} here, because the "
                f"template is for {region} (AWS_REGION or -c region=... chooses another)"
            )
    return None
