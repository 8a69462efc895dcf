import json

import pytest

from cdk.serving.api import EXPOSED_HEADERS, OPEN_PATHS
from lambda_app.api.middleware import EXPOSED_HEADERS as APP_EXPOSED_HEADERS
from tests.cdk.template import SynthesisedTemplate


def routes(template: SynthesisedTemplate) -> dict[str, str]:
    """Authorization by route key."""
    found = template.of_type("AWS::ApiGatewayV2::Route").values()
    return {route["RouteKey"]: route.get("AuthorizationType", "NONE") for route in found}


@pytest.mark.parametrize(("template", "kind"), [("plain", "AWS_IAM"), ("chosen", "JWT")])
def test_all_routes_but_page_health_and_preflights_need_authorization(
    template: str, kind: str, request: pytest.FixtureRequest
) -> None:
    found = routes(request.getfixturevalue(template))
    assert found.pop("$default") == kind
    open_routes = {f"{method} {path}" for path in OPEN_PATHS for method in ("GET", "HEAD")}
    assert found == dict.fromkeys(open_routes | {"OPTIONS /", "OPTIONS /{proxy+}"}, "NONE")
    assert {"GET /", "GET /static/{proxy+}", "GET /docs", "GET /openapi.json", "GET /healthcheck"} <= set(found)


def test_tokens_are_checked_for_issuer_and_audience(chosen: SynthesisedTemplate) -> None:
    authorizer = chosen.one("AWS::ApiGatewayV2::Authorizer")
    assert authorizer["JwtConfiguration"] == {"Audience": ["shop", "app"], "Issuer": "https://login.example"}


def test_without_auth_there_is_one_public_route(public: SynthesisedTemplate) -> None:
    assert routes(public) == {"$default": "NONE"}


def test_the_default_stage_is_throttled(plain: SynthesisedTemplate, chosen: SynthesisedTemplate) -> None:
    for template, rate, burst in ((plain, 20, 40), (chosen, 100, 200)):
        stage = template.one("AWS::ApiGatewayV2::Stage")
        assert stage["StageName"] == "$default"
        assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst}


def test_access_is_logged_as_json_without_the_query_or_a_credential(plain: SynthesisedTemplate) -> None:
    settings = plain.one("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]
    assert settings["DestinationArn"] in {plain.arn(name) for name in plain.of_type("AWS::Logs::LogGroup")}
    line = json.loads(settings["Format"])
    assert {"request_id", "status", "route", "latency_ms"} <= set(line)
    assert not any("authorizer.claims" in value or "query" in value.lower() for value in line.values())


def test_cors_allows_the_given_origins_and_exposes_the_headers_of_the_app(
    plain: SynthesisedTemplate, chosen: SynthesisedTemplate, public: SynthesisedTemplate
) -> None:
    assert "CorsConfiguration" not in plain.one("AWS::ApiGatewayV2::Api")
    cors = chosen.one("AWS::ApiGatewayV2::Api")["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["https://shop.example", "https://www.shop.example:8443"]
    assert cors["AllowMethods"] == ["GET", "POST", "HEAD"]
    assert "Authorization" in cors["AllowHeaders"]
    assert public.one("AWS::ApiGatewayV2::Api")["CorsConfiguration"]["AllowOrigins"] == ["*"]
    assert sorted(EXPOSED_HEADERS) == sorted(APP_EXPOSED_HEADERS)


def test_requests_reach_the_function_or_its_warm_alias(plain: SynthesisedTemplate, chosen: SynthesisedTemplate) -> None:
    assert not plain.of_type("AWS::Lambda::Alias")
    (alias,) = chosen.of_type("AWS::Lambda::Alias")
    properties = chosen.of_type("AWS::Lambda::Alias")[alias]
    assert properties["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 2}
    assert chosen.one("AWS::ApiGatewayV2::Integration")["IntegrationUri"] == chosen.arn(alias)
    assert plain.one("AWS::ApiGatewayV2::Integration")["PayloadFormatVersion"] == "2.0"
