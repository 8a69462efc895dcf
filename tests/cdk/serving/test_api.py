import json

import pytest

from cdk.serving.api import EXPOSED_HEADERS, IMAGES, OPEN_PATHS, WRITING_ROUTES
from lambda_app.api.messages.changing import ROUTE_KEYS
from lambda_app.api.middleware import EXPOSED_HEADERS as APP_EXPOSED_HEADERS
from lambda_app.settings import Settings
from tests.cdk.template import SynthesisedTemplate


def routes(template: SynthesisedTemplate) -> dict[str, str]:
    """Authorization by route key."""
    found = template.of_type("AWS::ApiGatewayV2::Route").values()
    return {route["RouteKey"]: route.get("AuthorizationType", "NONE") for route in found}


@pytest.mark.parametrize(("template", "kind"), [("plain", "JWT"), ("signed", "AWS_IAM"), ("chosen", "JWT")])
def test_all_routes_but_page_health_photos_and_preflights_need_authorization(
    template: str, kind: str, request: pytest.FixtureRequest
) -> None:
    found = routes(request.getfixturevalue(template))
    assert found.pop("$default") == kind
    paths = OPEN_PATHS if template == "chosen" else (*OPEN_PATHS, IMAGES)  # there openImages is false
    open_routes = {f"{method} {path}" for path in paths for method in ("GET", "HEAD")}
    assert found == dict.fromkeys(open_routes | {"OPTIONS /", "OPTIONS /{proxy+}"}, "NONE")
    page = {"GET /", "GET /static/{proxy+}", "GET /config.json", "GET /docs", "GET /openapi.json", "GET /healthcheck"}
    assert page <= set(found)


def test_only_iam_may_change_the_catalogue_and_only_if_the_deployer_says_so(
    plain: SynthesisedTemplate, chosen: SynthesisedTemplate, changing: SynthesisedTemplate
) -> None:
    writing = {f"{method} {path}" for method, path in WRITING_ROUTES}
    assert writing == set(ROUTE_KEYS)
    found = routes(changing)
    assert {key for key, kind in found.items() if kind == "AWS_IAM"} == writing
    assert found["$default"] == "JWT"
    assert not writing & (set(routes(plain)) | set(routes(chosen)))
    told = changing.function("lambda_app.handler.handler")["Environment"]["Variables"]
    given = {"LOOKALIKE_STORE": "s3://b", "LOOKALIKE_CATALOGUE_WRITES": told["LOOKALIKE_CATALOGUE_WRITES"]}
    assert Settings.from_environ({**given, "AWS_LAMBDA_FUNCTION_NAME": "api"}).catalogue_writes == "iam"
    assert "LOOKALIKE_CATALOGUE_WRITES" not in plain.function("lambda_app.handler.handler")["Environment"]["Variables"]


def test_tokens_are_checked_for_issuer_and_audience(chosen: SynthesisedTemplate) -> None:
    authorizer = chosen.one("AWS::ApiGatewayV2::Authorizer")
    assert authorizer["JwtConfiguration"] == {"Audience": ["shop", "app"], "Issuer": "https://login.example"}


def test_by_default_the_tokens_are_those_of_the_stacks_own_user_pool(plain: SynthesisedTemplate) -> None:
    authorizer = plain.one("AWS::ApiGatewayV2::Authorizer")
    assert authorizer["JwtConfiguration"] == {
        "Audience": [plain.output("ClientId")],
        "Issuer": f"{plain.output('UserPoolId')}.ProviderURL",
    }


def test_the_page_is_told_how_to_sign_in_and_serving_accepts_it(
    plain: SynthesisedTemplate, chosen: SynthesisedTemplate, signed: SynthesisedTemplate, public: SynthesisedTemplate
) -> None:
    def told(template: SynthesisedTemplate) -> dict[str, str]:
        variables = template.function("lambda_app.handler.handler")["Environment"]["Variables"]
        return {name: value for name, value in variables.items() if name.startswith(("LOOKALIKE_AUTH", "LOOKALIKE_OI"))}

    own = told(plain)
    # The name of a resource stands for its URL here.
    issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_1"
    settings = Settings.from_environ({"LOOKALIKE_STORE": "s3://b", **own, "LOOKALIKE_OIDC_ISSUER": issuer})
    assert (settings.auth, settings.oidc_client_id) == ("cognito", plain.output("ClientId"))
    assert own["LOOKALIKE_OIDC_ISSUER"] == f"{plain.output('UserPoolId')}.ProviderURL"
    assert settings.sign_in_origins[1] == plain.output("SignInUrl")
    given = Settings.from_environ({"LOOKALIKE_STORE": "s3://b", **told(chosen)})
    assert (given.oidc_client_id, given.oidc_scopes) == ("lookalike-page", "openid offline_access")
    assert given.sign_in_origins == ("https://login.example", "https://tokens.example")
    assert told(signed) == {"LOOKALIKE_AUTH": "iam"}
    assert told(public) == {"LOOKALIKE_AUTH": "none"}


def test_the_promoter_knows_nothing_of_the_sign_in(plain: SynthesisedTemplate) -> None:
    variables = plain.function("lambda_app.promoter.handler")["Environment"]["Variables"]
    assert not [name for name in variables if "OIDC" in name]


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


def test_the_alias_has_the_warm_instances_that_the_context_asks_for(
    plain: SynthesisedTemplate, chosen: SynthesisedTemplate
) -> None:
    warm = [one.get("ProvisionedConcurrencyConfig") for one in chosen.of_type("AWS::Lambda::Alias").values()]
    assert sorted(map(str, warm)) == ["None", "{'ProvisionedConcurrentExecutions': 2}"]
    assert not any("ProvisionedConcurrencyConfig" in one for one in plain.of_type("AWS::Lambda::Alias").values())
    assert plain.one("AWS::ApiGatewayV2::Integration")["PayloadFormatVersion"] == "2.0"
