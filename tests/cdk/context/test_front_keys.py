import botocore.session
import pytest
from cfnlint.helpers import REGIONS
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from cdk.app import with_region
from cdk.context.config import Config, ConfigError
from cdk.context.regions import CONTAINER_ACCOUNTS, without_cloudfront

DOMAIN = "search.shop.example"


def certificate(region: str, partition: str = "aws") -> str:
    return f"arn:{partition}:acm:{region}:123456789012:certificate/12345678-1234-1234-1234-123456789012"


def test_cloudfront_is_for_the_regions_of_its_partition() -> None:
    session = botocore.session.get_session()
    inside = set(session.get_available_regions("lambda", "aws"))
    assert not any(map(without_cloudfront, inside))
    assert {region for region in CONTAINER_ACCOUNTS if without_cloudfront(region)} == {
        "cn-north-1",
        "cn-northwest-1",
        "eusc-de-east-1",
        "us-gov-east-1",
        "us-gov-west-1",
    }
    assert without_cloudfront("us-iso-east-1")


@pytest.mark.parametrize("region", sorted(set(CONTAINER_ACCOUNTS) & set(REGIONS)))
def test_cloudformation_has_the_types_of_the_front_door_in_every_region_that_may_have_one(region: str) -> None:
    if without_cloudfront(region):
        pytest.skip(f"no front door in {region}")
    for kind in ("Distribution", "CachePolicy", "OriginAccessControl", "ResponseHeadersPolicy"):
        PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, f"AWS::CloudFront::{kind}")
    PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, "AWS::SecretsManager::Secret")


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "eusc-de-east-1"])
def test_a_front_door_is_refused_where_there_is_no_cloudfront(region: str) -> None:
    with pytest.raises(ConfigError, match=f"frontDoor=true is not possible in {region}: CloudFront"):
        with_region(Config(region=region, auth="none", front_door=True), {})


def test_the_certificate_is_of_us_east_1_for_cloudfront_and_else_of_the_region() -> None:
    for region, front_door, good, bad in (
        ("eu-west-1", True, "us-east-1", "eu-west-1"),
        ("eu-west-1", False, "eu-west-1", "us-east-1"),
        ("us-east-1", True, "us-east-1", "eu-west-1"),
    ):
        chosen = {"region": region, "frontDoor": front_door, "domain": DOMAIN}
        assert with_region(Config.from_context({**chosen, "certificate": certificate(good)}), {}).domain == DOMAIN
        with pytest.raises(ConfigError, match=f"certificate is of {bad}; .* takes a certificate of {good} here"):
            with_region(Config.from_context({**chosen, "certificate": certificate(bad)}), {})


def test_a_domain_of_the_api_itself_is_possible_in_every_partition() -> None:
    given = {"region": "us-gov-west-1", "domain": DOMAIN, "certificate": certificate("us-gov-west-1", "aws-us-gov")}
    assert with_region(Config.from_context(given), {}).domain == DOMAIN
