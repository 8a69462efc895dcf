"""DNS names: what a host name must point to, and the records that do it."""

from typing import NamedTuple

from aws_cdk import aws_route53 as route53
from constructs import Construct

# The hosted zone of all distributions of CloudFront (AWS general reference, "Amazon CloudFront endpoints").
CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"


class Target(NamedTuple):
    """What a host name must point to: a host of AWS, and the hosted zone of that host."""

    host: str
    zone: str


def add_records(scope: Construct, *, domain: str, hosted_zone: str, target: Target) -> None:
    """Point a host name to a target, for IPv4 and IPv6. Alias records cost nothing per query."""
    for kind in ("A", "AAAA"):
        route53.CfnRecordSet(
            scope,
            f"Record{kind}",
            hosted_zone_id=hosted_zone,
            name=f"{domain}.",
            type=kind,
            alias_target=route53.CfnRecordSet.AliasTargetProperty(dns_name=target.host, hosted_zone_id=target.zone),
        )
