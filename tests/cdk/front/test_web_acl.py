import json
import posixpath
import re
from typing import Any
from urllib.parse import unquote

import pytest

from tests.cdk.front.conftest import Stacks

EDGE = "Lookalike-Edge-eu-west-1"


def test_the_firewall_limits_requests_of_one_address_and_answers_429(doors: Stacks, closed: Stacks) -> None:
    for template, rate in ((doors[EDGE], 1000), (closed["Lookalike"], 500)):
        acl = template.one("AWS::WAFv2::WebACL")
        assert (acl["Scope"], acl["DefaultAction"]) == ("CLOUDFRONT", {"Allow": {}})
        # "All" and "Default_Action" are names of AWS WAF itself.
        assert acl["VisibilityConfig"]["MetricName"] == "front"
        (rule,) = acl["Rules"]  # so none of AWS's rules that look into bodies, which are photos
        limit = rule["Statement"]["RateBasedStatement"]
        assert (limit["Limit"], limit["EvaluationWindowSec"], limit["AggregateKeyType"]) == (rate, 300, "IP")
        response = rule["Action"]["Block"]["CustomResponse"]
        assert response["ResponseCode"] == 429
        body = acl["CustomResponseBodies"][response["CustomResponseBodyKey"]]
        assert body["ContentType"] == "APPLICATION_JSON"
        assert json.loads(body["Content"])["status"] == 429


def resolved(path: str) -> str:
    """As AWS WAF documents NORMALIZE_PATH: no multiple slashes, no `.` and no `..`."""
    return posixpath.normpath(re.sub("/+", "/", path)) + ("/" if path.endswith("/") else "")


def transformed(kind: str, path: str) -> str:
    """A text transformation of AWS WAF."""
    return {"NONE": path, "URL_DECODE": unquote(path), "NORMALIZE_PATH": resolved(path)}[kind]


def holds(statement: dict[str, Any], path: str) -> bool:
    """Whether a statement of AWS WAF is true for a path."""
    ((kind, inner),) = statement.items()
    if kind == "NotStatement":
        return not holds(inner["Statement"], path)
    if kind == "AndStatement":
        return all(holds(one, path) for one in inner["Statements"])
    assert (kind, inner["PositionalConstraint"], inner["FieldToMatch"]) == (
        "ByteMatchStatement",
        "STARTS_WITH",
        {"UriPath": {}},
    )
    for one in sorted(inner["TextTransformations"], key=lambda one: int(one["Priority"])):
        path = transformed(one["Type"], path)
    return path.startswith(inner["SearchString"])


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("/datasets/shop/photos/1.jpg", False),
        ("/datasets/shop/photos/red%20shoe.jpg", False),
        ("/predict", True),
        ("/", True),
        # CloudFront passes these on to the API.
        ("/datasets/../predict", True),
        ("/datasets/%2e%2e/predict", True),
        ("/datasets/a/%2F..%2F..%2F..%2Fpredict", True),
        ("//datasets/shop/photos/1.jpg", True),
        ("/datasets%2Fshop/photos/1.jpg", True),
        ("/%2Fdatasets/shop/photos/1.jpg", True),
        ("/%64atasets/shop/photos/1.jpg", True),
    ],
)
def test_only_what_the_bucket_answers_does_not_count(doors: Stacks, path: str, counts: bool) -> None:
    (rule,) = doors[EDGE].one("AWS::WAFv2::WebACL")["Rules"]
    assert holds(rule["Statement"]["RateBasedStatement"]["ScopeDownStatement"], path) is counts


def test_every_request_counts_if_photos_come_through_the_api(closed: Stacks) -> None:
    (rule,) = closed["Lookalike"].one("AWS::WAFv2::WebACL")["Rules"]
    assert "ScopeDownStatement" not in rule["Statement"]["RateBasedStatement"]


def test_the_distribution_has_the_firewall(doors: Stacks, closed: Stacks) -> None:
    found = doors["Lookalike"].one("AWS::CloudFront::Distribution")["DistributionConfig"]["WebACLId"]
    assert found == f"{EDGE}.WebAclArn@us-east-1"
    (name,) = closed["Lookalike"].of_type("AWS::WAFv2::WebACL")
    config = closed["Lookalike"].one("AWS::CloudFront::Distribution")["DistributionConfig"]
    assert config["WebACLId"] == closed["Lookalike"].arn(name)
