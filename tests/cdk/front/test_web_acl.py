import json

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


def test_photos_from_the_bucket_do_not_count(doors: Stacks) -> None:
    (rule,) = doors[EDGE].one("AWS::WAFv2::WebACL")["Rules"]
    counted = rule["Statement"]["RateBasedStatement"]["ScopeDownStatement"]["NotStatement"]["Statement"]
    match = counted["ByteMatchStatement"]
    assert (match["SearchString"], match["PositionalConstraint"]) == ("/datasets/", "STARTS_WITH")
    # A path such as /datasets/../predict leads to the API, so it is resolved first.
    kinds = [one["Type"] for one in sorted(match["TextTransformations"], key=lambda one: int(one["Priority"]))]
    assert kinds == ["URL_DECODE", "NORMALIZE_PATH"]


def test_every_request_counts_if_photos_come_through_the_api(closed: Stacks) -> None:
    (rule,) = closed["Lookalike"].one("AWS::WAFv2::WebACL")["Rules"]
    assert "ScopeDownStatement" not in rule["Statement"]["RateBasedStatement"]


def test_the_distribution_has_the_firewall(doors: Stacks, closed: Stacks) -> None:
    found = doors["Lookalike"].one("AWS::CloudFront::Distribution")["DistributionConfig"]["WebACLId"]
    assert found == f"{EDGE}.WebAclArn@us-east-1"
    (name,) = closed["Lookalike"].of_type("AWS::WAFv2::WebACL")
    config = closed["Lookalike"].one("AWS::CloudFront::Distribution")["DistributionConfig"]
    assert config["WebACLId"] == closed["Lookalike"].arn(name)
