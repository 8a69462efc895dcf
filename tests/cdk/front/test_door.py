from typing import Any

from cdk.front.origin_secret import HEADER
from lambda_app.api.origin import ORIGIN_HEADER
from tests.cdk.front.conftest import DOMAIN, Stacks, certificate
from tests.cdk.template import SynthesisedTemplate

API = "lambda_app.handler.handler"
# The ids of CloudFront's managed policies (its developer guide, "Use managed cache policies" and "... origin request
# policies").
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"


def distribution(template: SynthesisedTemplate) -> dict[str, Any]:
    return dict(template.one("AWS::CloudFront::Distribution")["DistributionConfig"])


def behaviors(template: SynthesisedTemplate) -> dict[str, dict[str, Any]]:
    return {one["PathPattern"]: one for one in distribution(template)["CacheBehaviors"]}


def origin(template: SynthesisedTemplate, behavior: dict[str, Any]) -> dict[str, Any]:
    (found,) = (one for one in distribution(template)["Origins"] if one["Id"] == behavior["TargetOriginId"])
    return dict(found)


def cache(template: SynthesisedTemplate, behavior: dict[str, Any]) -> dict[str, Any]:
    policy = template.of_type("AWS::CloudFront::CachePolicy")[behavior["CachePolicyId"]]
    return dict(policy["CachePolicyConfig"])


def environment(template: SynthesisedTemplate) -> dict[str, str]:
    return dict(template.function(API)["Environment"]["Variables"])


def resource(template: SynthesisedTemplate, kind: str) -> str:
    (name,) = template.of_type(kind)
    return name


def test_without_the_context_there_is_no_front_door(plain: SynthesisedTemplate) -> None:
    kinds = {one["Type"] for one in plain.body["Resources"].values()}
    assert not {kind for kind in kinds if kind.split("::")[1] in ("CloudFront", "WAFv2", "SecretsManager", "Route53")}
    assert {"LOOKALIKE_ORIGIN_SECRET", "LOOKALIKE_PHOTOS_URL"}.isdisjoint(environment(plain))
    assert "OriginUrl" not in plain.body["Outputs"]


def test_the_api_is_passed_on_uncached_with_all_methods_and_the_token_but_without_the_host(
    door: SynthesisedTemplate,
) -> None:
    passed = distribution(door)["DefaultCacheBehavior"]
    assert passed["CachePolicyId"] == CACHING_DISABLED
    assert passed["OriginRequestPolicyId"] == ALL_VIEWER_EXCEPT_HOST_HEADER
    assert set(passed["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"}
    api = origin(door, passed)
    assert api["DomainName"] == f"{resource(door, 'AWS::ApiGatewayV2::Api')}.execute-api.us-east-1.amazonaws.com"
    custom = api["CustomOriginConfig"]
    assert (custom["OriginProtocolPolicy"], custom["OriginSSLProtocols"]) == ("https-only", ["TLSv1.2"])
    assert custom["OriginReadTimeout"] > 30  # as long as API Gateway may take


def test_no_error_is_cached(door: SynthesisedTemplate) -> None:
    found = {one["ErrorCode"]: one["ErrorCachingMinTTL"] for one in distribution(door)["CustomErrorResponses"]}
    # All statuses that CloudFront caches and that can be named here.
    assert found == dict.fromkeys((400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504), 0)


def test_static_files_are_cached_for_a_minute_and_compressed(door: SynthesisedTemplate) -> None:
    static = behaviors(door)["/static/*"]
    policy = cache(door, static)
    assert static["Compress"] is True
    assert (policy["MinTTL"], policy["DefaultTTL"]) == (60, 60)
    key = policy["ParametersInCacheKeyAndForwardedToOrigin"]
    assert key["EnableAcceptEncodingBrotli"] is key["EnableAcceptEncodingGzip"] is True
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "none"}
    assert origin(door, static) == origin(door, distribution(door)["DefaultCacheBehavior"])


def test_every_behavior_redirects_to_https_and_the_protocols_are_new(door: SynthesisedTemplate) -> None:
    config = distribution(door)
    every = [config["DefaultCacheBehavior"], *config["CacheBehaviors"]]
    assert {one["ViewerProtocolPolicy"] for one in every} == {"redirect-to-https"}
    assert (config["HttpVersion"], config["IPV6Enabled"]) == ("http2and3", True)
    assert "ViewerCertificate" not in config  # CloudFront's own


def test_a_domain_has_its_certificate_tls_12_and_records(closed: Stacks) -> None:
    (template,) = closed.values()
    config = distribution(template)
    assert config["Aliases"] == [DOMAIN]
    assert config["ViewerCertificate"] == {
        "AcmCertificateArn": certificate("us-east-1"),
        "MinimumProtocolVersion": "TLSv1.2_2021",
        "SslSupportMethod": "sni-only",
    }
    records = template.of_type("AWS::Route53::RecordSet").values()
    assert {one["Type"] for one in records} == {"A", "AAAA"}
    name = resource(template, "AWS::CloudFront::Distribution")
    for one in records:
        assert (one["Name"], one["HostedZoneId"]) == (f"{DOMAIN}.", "Z0123456789")
        assert one["AliasTarget"] == {"DNSName": f"{name}.DomainName", "HostedZoneId": "Z2FDTNDATAQYW2"}
    assert "DomainTarget" not in template.body["Outputs"]


def test_cloudfront_sends_a_secret_that_the_function_accepts(door: SynthesisedTemplate, closed: Stacks) -> None:
    assert HEADER == ORIGIN_HEADER
    for template in (door, *closed.values()):
        config = distribution(template)
        (sent,) = origin(template, config["DefaultCacheBehavior"])["OriginCustomHeaders"]
        assert sent["HeaderName"] == HEADER
        accepted = environment(template)["LOOKALIKE_ORIGIN_SECRET"].split(",")
        assert len(accepted) == 2
        assert accepted[0] == sent["HeaderValue"]
        secrets = template.of_type("AWS::SecretsManager::Secret")
        assert accepted == [f"{{{{resolve:secretsmanager:{name}:SecretString:::}}}}" for name in secrets]


def test_only_the_api_function_and_its_check_get_the_secret(door: SynthesisedTemplate) -> None:
    given = [one for one in door.of_type("AWS::Lambda::Function").values() if "{{resolve:" in str(one)]
    api, check = sorted(given, key=lambda one: "NEW_VERSION" in one["Environment"]["Variables"])
    assert api == door.function(API)
    # It tries a new version with events that need no front door.
    assert "X-Lookalike-Origin" in check["Environment"]["Variables"]["HEADERS"]
    assert len(given) == 2
    for made in door.of_type("AWS::SecretsManager::Secret").values():
        # As lambda_app.settings demands: letters and digits only.
        assert made["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 48}


def test_the_next_secret_is_one_that_the_function_accepts_already_and_reaches_cloudfront_first(
    door: SynthesisedTemplate, closed: Stacks
) -> None:
    (second,) = closed.values()
    first = environment(door)["LOOKALIKE_ORIGIN_SECRET"].split(",")
    config = distribution(second)
    (sent,) = origin(second, config["DefaultCacheBehavior"])["OriginCustomHeaders"]
    # The logical id is the same in both templates, so a deployment keeps this secret.
    assert sent["HeaderValue"] == first[1]
    for template in (door, second):
        (function,) = (
            one
            for one in template.body["Resources"].values()
            if one["Type"] == "AWS::Lambda::Function" and "LOOKALIKE_ORIGIN_SECRET" in str(one["Properties"])
        )
        assert resource(template, "AWS::CloudFront::Distribution") in function["DependsOn"]


def test_the_public_address_is_the_one_of_the_front_door(door: SynthesisedTemplate, closed: Stacks) -> None:
    name, api = (resource(door, kind) for kind in ("AWS::CloudFront::Distribution", "AWS::ApiGatewayV2::Api"))
    assert door.output("ApiUrl") == f"https://{name}.DomainName"
    assert door.output("OriginUrl") == f"{api}.ApiEndpoint"
    assert door.output("DistributionId") == name
    assert door.output("DistributionArn") == f"arn:aws:cloudfront::123456789012:distribution/{name}"
    (template,) = closed.values()
    assert template.output("ApiUrl") == f"https://{DOMAIN}"


def test_people_come_back_from_signing_in_to_the_public_address(door: SynthesisedTemplate, closed: Stacks) -> None:
    for template in (door, *closed.values()):
        client = template.one("AWS::Cognito::UserPoolClient")
        assert client["CallbackURLs"] == client["LogoutURLs"] == [f"{template.output('ApiUrl')}/"]


def test_the_address_of_the_api_itself_stays_because_cloudfront_calls_it(closed: Stacks) -> None:
    (template,) = closed.values()
    assert "DisableExecuteApiEndpoint" not in template.one("AWS::ApiGatewayV2::Api")


def test_no_resource_depends_on_itself(doors: Stacks, closed: Stacks) -> None:
    for template in (*doors.values(), *closed.values()):
        resources = template.body["Resources"]
        left = {name: references(one) & resources.keys() for name, one in resources.items()}
        while free := [name for name, needs in left.items() if not needs & left.keys()]:
            for name in free:
                del left[name]
        assert left == {}


def references(value: Any) -> set[str]:
    """The names of resources that a part of a template refers to."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    found = set().union(*map(references, value.values()))
    found |= {value["Ref"]} if isinstance(value.get("Ref"), str) else set()
    found |= {value["Fn::GetAtt"][0]} if "Fn::GetAtt" in value else set()
    depends = value.get("DependsOn", [])
    return found | set([depends] if isinstance(depends, str) else depends)
