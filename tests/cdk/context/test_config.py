import dataclasses
import re
from pathlib import Path

import pytest

from cdk.context.config import Config, ConfigError, context_keys, describe
from lambda_app.settings import Settings

ISSUER = "token.actions.githubusercontent.com"
DOCS = Path(__file__).parents[3] / "docs" / "aws.md"


def test_an_empty_context_gives_the_defaults_and_keys_of_the_cdk_are_ignored() -> None:
    context = {"@aws-cdk/core:checkSecretUsage": True, "aws:cdk:bundling-stacks": ["**"], "vpc-provider:account=1": {}}
    context |= {"cli-telemetry": False, "acknowledged-issue-numbers": [34892]}  # `cdk cli-telemetry`, `cdk acknowledge`
    assert Config.from_context(context) == Config()


CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"


def test_every_default_is_a_valid_value_of_its_key() -> None:
    defaults = dataclasses.asdict(Config())
    values = dict(zip(context_keys(), defaults.values(), strict=True))
    given = {key: str(value).lower() if isinstance(value, bool) else value for key, value in values.items() if value}
    given = {key: ",".join(value) if isinstance(value, tuple) else value for key, value in given.items()}
    assert Config.from_context(given) == Config()


def test_values_may_be_text_from_the_command_line_or_json_from_cdk_json() -> None:
    text = Config.from_context(
        {"memory": "2048", "trainingSpot": "false", "origins": "https://a.example, http://b:8080"}
    )
    json = Config.from_context({"memory": 2048, "trainingSpot": False, "origins": "https://a.example,http://b:8080"})
    assert text == json
    assert (text.memory, text.training_spot, text.origins) == (2048, False, ("https://a.example", "http://b:8080"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stackName", "no spaces"),
        ("memory", "511"),
        ("memory", "10241"),
        ("memory", "3 GB"),
        ("memory", "-3008"),
        ("memory", "²"),
        ("architecture", "arm"),
        ("image", "lookalike:latest"),
        ("image", "lookalike@sha256:1234"),
        ("provisionedConcurrency", "0"),
        ("auth", "open"),
        ("jwtIssuer", "http://login.example"),
        ("jwtClientId", "two words"),
        ("jwtScopes", 'openid,"x"'),
        ("jwtOrigins", "https://tokens.example/path"),
        ("jwtOrigins", "http://tokens.example"),
        ("jwtIssuer", "https://login.example?tenant=1"),
        ("jwtIssuer", "https://ann@login.example"),
        ("jwtIssuer", "https://my_login.example/"),
        ("jwtIssuer", "https://login.ex\u00e4mple/"),
        ("firstUser", "ann"),
        ("mfa", "no"),
        ("openImages", "sometimes"),
        ("domain", "search"),
        ("domain", "Search.shop.example"),
        ("domain", "https://search.shop.example"),
        ("domain", "*.shop.example"),
        ("certificate", "arn:aws:iam::123456789012:server-certificate/shop"),
        ("hostedZone", "shop.example"),
        ("frontDoor", "yes"),
        ("wafRate", "9"),
        ("originSecret", "0"),
        ("origins", "shop.example"),
        ("origins", "https://shop.example/path"),
        ("origins", "https://shop.example,"),
        ("throttleRate", "0"),
        ("operatorPrincipal", "alice"),
        ("logRetentionDays", "31"),
        ("alarmEmail", "ops"),
        ("trainingInstance", "g5.xlarge"),
        ("trainingInstances", "0"),
        ("trainingInstances", "21"),
        ("trainingInstances", "two"),
        ("trainingSpot", "maybe"),
        ("trainingHours", "0"),
        ("nag", "yes please"),
        ("origins", "https://shop.example:65536"),
        ("origins", "https://shop.example:0"),
        ("origins", "https://-shop.example"),
        ("origins", "https://shop..example"),
        ("operatorPrincipal", "arn:aws:iam::123456789012:user/"),
        ("operatorPrincipal", "arn:aws:iam::123456789012:role/a*"),
        ("operatorPrincipal", "arn:aws:sts::123456789012:assumed-role/admin"),
        ("operatorPrincipal", "arn:aws:sts::123456789012:root"),
        ("image", "lookalike:latest@sha256:" + "0" * 64),
        ("image", "Docker.io/lookalike@sha256:" + "0" * 64),
        ("image", "lookalike/@sha256:" + "0" * 64),
        ("region", "Frankfurt"),
        ("trainingAccount", "12345678901"),
        ("rebuild", "today; rm"),
        ("githubRepository", "shop"),
        ("githubRepository", "shop/*"),
        ("githubRepository", "shop/lookalike:environment:x"),
        ("githubRepository", "shop@12/lookalike"),
        ("githubRepository", "shop@12/lookalike@*"),
        ("githubEnvironments", "*"),
        ("githubEnvironments", "staging,"),
        ("githubProvider", "arn:aws:iam::123456789012:oidc-provider/login.example"),
        ("retrain", "weekly"),
        ("retrain", "rate(5 minutes)"),
        ("retrain", "rate(0 days)"),
        ("retrain", "cron(* 3 ? * SUN *)"),
        ("retrain", "cron(0 3 ? * SUN)"),
        ("retrain", "cron(0 3 * * SUN *)"),
        ("retrain", "cron(0 3 ? * ? *)"),
        ("retrain", "cron(0 ? * * ? *)"),
        ("retrainDataset", "../shop"),
        ("budgetAction", "stop"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_with_key_value_and_choices(key: str, value: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        Config.from_context({key: value})
    message = str(refusal.value)
    assert key in message
    assert repr(value) in message
    assert "it takes" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("issuer", "further"),
    [
        ("https://login.example", "https://tokens.example"),
        ("https://login.example/", "https://tokens.example:8443,https://more.example"),
        ("https://login.example:8443/realms/shop?x=1", "https://tokens.example"),
    ],
)
def test_the_function_starts_with_every_issuer_that_is_valid_here(issuer: str, further: str) -> None:
    context = {"auth": "jwt", "jwtIssuer": issuer, "jwtAudience": "shop", "jwtClientId": "page", "jwtOrigins": further}
    config = Config.from_context(context)
    environ = {
        "LOOKALIKE_STORE": "s3://shop",
        "LOOKALIKE_AUTH": config.auth,
        "LOOKALIKE_OIDC_ISSUER": str(config.jwt_issuer),
        "LOOKALIKE_OIDC_CLIENT_ID": str(config.jwt_client_id),
        "LOOKALIKE_OIDC_ORIGINS": ",".join(config.jwt_origins),
    }
    assert Settings.from_environ(environ).sign_in_origins[1:] == tuple(further.split(","))


def test_an_unknown_key_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(ConfigError, match="'memroy' is unknown; did you mean 'memory'"):
        Config.from_context({"memroy": "2048"})


@pytest.mark.parametrize(
    ("context", "named"),
    [
        ({"auth": "jwt"}, "jwtIssuer"),
        ({"auth": "jwt", "jwtIssuer": "https://login.example"}, "jwtAudience"),
        ({"jwtIssuer": "https://login.example"}, "jwtIssuer"),
        ({"auth": "none", "jwtAudience": "shop"}, "jwtAudience"),
        ({"jwtClientId": "page"}, "jwtClientId is only valid with auth='jwt'; auth is 'cognito'"),
        ({"auth": "iam", "firstUser": "ann@shop.example"}, "firstUser is only valid with auth='cognito'"),
        ({"auth": "iam", "mfa": "required"}, "mfa is only valid"),
        ({"auth": "jwt", "jwtIssuer": "https://l.example", "jwtAudience": "a", "jwtScopes": "email"}, "openid"),
        ({"domain": "search.shop.example"}, "requires certificate"),
        ({"certificate": CERTIFICATE}, "certificate is only valid with domain"),
        ({"hostedZone": "Z0123456789"}, "hostedZone is only valid with domain"),
        ({"frontDoor": "true", "auth": "iam"}, "frontDoor=true does not work with auth='iam': a signature covers"),
        (
            {"frontDoor": "true", "catalogueWrites": "true"},
            "catalogueWrites='true' does not work with frontDoor='true'",
        ),
        ({"wafRate": "500"}, "wafRate is only valid with frontDoor=true"),
        ({"originSecret": "2"}, "originSecret is only valid with frontDoor=true"),
        ({"budget": "20"}, "alarmEmail"),
        ({"vectorBucket": "shop-vectors"}, "vectorBucket='shop-vectors' is only valid with search='s3vectors'"),
        ({"trainingHours": "30"}, "trainingWaitHours"),
        ({"githubProvider": f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"}, "githubRepository"),
        ({"retrain": "rate(7 days)"}, "retrain requires retrainDataset"),
        ({"retrainDataset": "shop"}, "retrainDataset requires retrain"),
        ({"budgetAction": "true"}, "requires budget"),
        ({"reservedConcurrency": "1", "provisionedConcurrency": "2"}, "provisionedConcurrency"),
    ],
)
def test_keys_that_depend_on_each_other_are_checked_together(context: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        Config.from_context(context)


def test_the_limit_on_waiting_for_spot_is_ignored_without_spot() -> None:
    assert Config.from_context({"trainingHours": "30", "trainingSpot": "false"}).training_hours == 30


def test_the_table_in_the_docs_matches_the_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(key, f"`{default}`", takes, meaning) for key, default, takes, meaning in describe()]
