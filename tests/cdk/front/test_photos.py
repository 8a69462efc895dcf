import pytest

from cdk.front.photos import ENDINGS
from lambda_app.store.fronted import PHOTO_ENDINGS
from tests.cdk.front.conftest import Stacks
from tests.cdk.front.test_door import behaviors, cache, environment, origin, resource
from tests.cdk.policy import allowed
from tests.cdk.template import SynthesisedTemplate

DISTRIBUTION = "arn:aws:cloudfront::123456789012:distribution/"


def readable(template: SynthesisedTemplate, key: str, action: str = "s3:GetObject", door: str | None = None) -> bool:
    """Whether a distribution, by default the stack's, may do this in the bucket."""
    statements = [
        one
        for one in template.bucket_statements()
        if one["Principal"] == {"Service": "cloudfront.amazonaws.com"} or one["Effect"] == "Deny"
    ]
    source = door or resource(template, "AWS::CloudFront::Distribution")
    resource_arn = f"arn:aws:s3:::{template.bucket}/{key}" if key else f"arn:aws:s3:::{template.bucket}"
    return allowed(statements, action, resource_arn, {"AWS:SourceArn": f"{DISTRIBUTION}{source}"})


@pytest.mark.parametrize("ending", PHOTO_ENDINGS)
def test_the_front_door_may_read_the_photos_to_which_answers_link(door: SynthesisedTemplate, ending: str) -> None:
    assert ENDINGS == PHOTO_ENDINGS
    assert readable(door, f"datasets/shop/photos/1{ending}")
    assert not readable(door, f"datasets/shop/photos/1{ending}", door="another")


@pytest.mark.parametrize(
    "key",
    [
        "datasets/shop/Products.csv",
        "datasets/shop/photos.jpg.csv",
        "datasets/shop/feed.xml",
        "live.json",
        "uploads/1.jpg",
        "uploads/6f1c",
        "drops/a.tar",
        "objects/ab12",
        "training/code/photo.jpg",
    ],
)
def test_the_front_door_may_read_nothing_else(door: SynthesisedTemplate, key: str) -> None:
    assert not readable(door, key)


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:DeleteObject", "s3:GetObjectVersion"])
def test_the_front_door_may_only_read(door: SynthesisedTemplate, action: str) -> None:
    assert not readable(door, "datasets/shop/photos/1.jpg", action)
    assert not readable(door, "", "s3:ListBucket")


def test_operators_may_remove_photos_from_the_cache_and_change_nothing_else(door: SynthesisedTemplate) -> None:
    statements = list(door.statements(door.output("OperatorRoleArn")))
    distribution = f"{DISTRIBUTION}{resource(door, 'AWS::CloudFront::Distribution')}"
    assert allowed(statements, "cloudfront:CreateInvalidation", distribution)
    assert not allowed(statements, "cloudfront:CreateInvalidation", f"{DISTRIBUTION}another")
    assert not allowed(statements, "cloudfront:UpdateDistribution", distribution)


def test_the_bucket_stays_private(door: SynthesisedTemplate) -> None:
    block = door.of_type("AWS::S3::Bucket")[door.bucket]["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    assert not [
        one for one in door.bucket_statements() if one["Principal"] == {"AWS": "*"} and one["Effect"] == "Allow"
    ]


def test_photos_come_from_the_bucket_by_signed_requests_and_are_kept_for_a_day(door: SynthesisedTemplate) -> None:
    photos = behaviors(door)["/datasets/*"]
    bucket = origin(door, photos)
    assert bucket["DomainName"] == f"{door.bucket}.RegionalDomainName"
    access = door.of_type("AWS::CloudFront::OriginAccessControl")
    assert bucket["OriginAccessControlId"].partition(".")[0] in access
    (signing,) = (one["OriginAccessControlConfig"] for one in access.values())
    assert (signing["SigningBehavior"], signing["SigningProtocol"]) == ("always", "sigv4")
    assert "OriginCustomHeaders" not in bucket  # the secret is for the API alone
    assert "OriginRequestPolicyId" not in photos  # no token and no cookie goes to S3
    policy = cache(door, photos)
    assert (policy["MinTTL"], policy["DefaultTTL"]) == (0, 86400)
    assert policy["ParametersInCacheKeyAndForwardedToOrigin"]["HeadersConfig"] == {"HeaderBehavior": "none"}
    assert photos["AllowedMethods"] == ["GET", "HEAD"]


def test_photos_have_the_security_headers_of_the_api(door: SynthesisedTemplate) -> None:
    photos = behaviors(door)["/datasets/*"]
    policy = door.of_type("AWS::CloudFront::ResponseHeadersPolicy")[photos["ResponseHeadersPolicyId"]]
    config = policy["ResponseHeadersPolicyConfig"]
    safe = config["SecurityHeadersConfig"]
    assert safe["ContentTypeOptions"] == {"Override": True}
    assert safe["ContentSecurityPolicy"]["ContentSecurityPolicy"] == "default-src 'none'; frame-ancestors 'none'"
    assert safe["FrameOptions"]["FrameOption"] == "DENY"
    assert safe["ReferrerPolicy"]["ReferrerPolicy"] == "no-referrer"
    assert safe["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == 31536000
    assert config["CustomHeadersConfig"]["Items"] == [
        {"Header": "Cache-Control", "Value": "public, max-age=3600", "Override": True}
    ]
    assert config["CorsConfig"]["AccessControlAllowOrigins"] == {"Items": ["*"]}
    assert config["CorsConfig"]["AccessControlAllowCredentials"] is False


def test_answers_link_to_the_front_door_only_if_photos_are_open(door: SynthesisedTemplate, closed: Stacks) -> None:
    assert environment(door)["LOOKALIKE_PHOTOS_URL"] == door.output("ApiUrl")
    (template,) = closed.values()
    assert "LOOKALIKE_PHOTOS_URL" not in environment(template)
    assert set(behaviors(template)) == {"/static/*"}
    assert not [one for one in template.bucket_statements() if "Service" in one["Principal"]]


def test_names_that_are_global_contain_the_region(door: SynthesisedTemplate) -> None:
    for kind, config in (
        ("CachePolicy", "CachePolicyConfig"),
        ("OriginAccessControl", "OriginAccessControlConfig"),
        ("ResponseHeadersPolicy", "ResponseHeadersPolicyConfig"),
    ):
        for one in door.of_type(f"AWS::CloudFront::{kind}").values():
            assert one[config]["Name"].endswith("-us-east-1")  # as the tests render AWS::Region
            assert len(one[config]["Name"]) <= 64
