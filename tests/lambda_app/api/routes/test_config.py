"""GET /config.json, and the policy of the page that goes with it."""

import pytest
from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.settings import Settings

SIGN_IN = {
    "auth": "cognito",
    "oidc_issuer": "https://cognito-idp.eu-west-1.amazonaws.com/pool",
    "oidc_client_id": "page",
    "oidc_scopes": "openid  email",
    "oidc_origins": "https://lookalike-1.auth.eu-west-1.amazoncognito.com",
}


def client_of(tmp_path, **settings) -> TestClient:
    return TestClient(create_app(Settings(store=str(tmp_path), **settings)))


def called(client: TestClient, path: str) -> str:
    policy = client.get(path).headers["Content-Security-Policy"]
    (rule,) = [rule for rule in policy.split("; ") if rule.startswith("connect-src")]
    return rule


def test_it_answers_without_a_release_and_is_not_cached(tmp_path):
    answer = client_of(tmp_path).get("/config.json")
    assert answer.json() == {"auth": "none", "sign_in": None, "listing_url": "", "max_k": 100, "other_releases": "none"}
    assert answer.headers["Cache-Control"] == "no-cache"


def test_it_says_where_people_sign_in(tmp_path):
    found = client_of(tmp_path, **SIGN_IN).get("/config.json").json()
    assert found["auth"] == "cognito"
    assert found["sign_in"] == {"issuer": SIGN_IN["oidc_issuer"], "client_id": "page", "scopes": "openid email"}


@pytest.mark.parametrize("auth", ["iam", "jwt"])
def test_without_a_client_there_is_no_sign_in(tmp_path, auth):
    found = client_of(tmp_path, auth=auth).get("/config.json").json()
    assert (found["auth"], found["sign_in"]) == (auth, None)


def test_the_page_may_call_the_sign_in_service_and_nothing_else(tmp_path):
    client = client_of(tmp_path, **SIGN_IN)
    assert called(client, "/") == (
        "connect-src 'self' https://cognito-idp.eu-west-1.amazonaws.com "
        "https://lookalike-1.auth.eu-west-1.amazoncognito.com"
    )
    assert called(client, "/docs") == called(client_of(tmp_path), "/") == "connect-src 'self'"


def test_the_documentation_asks_for_a_token_where_requests_need_one(tmp_path):
    document = client_of(tmp_path, **SIGN_IN).get("/openapi.json").json()
    assert document["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert document["paths"]["/healthcheck"]["get"]["security"] == []
    assert document["paths"]["/images/{image_id}"]["get"]["security"] == [{}, {"token": []}]
    assert {"401", "403"} <= document["paths"]["/predict"]["post"]["responses"].keys()
    assert document["components"]["responses"]["Unauthorized"]["content"].keys() == {"application/json"}


def test_the_documentation_asks_for_a_signature_where_requests_need_one(tmp_path):
    document = client_of(tmp_path, auth="iam").get("/openapi.json").json()
    assert document["security"] == [{"signature": []}]
    assert document["components"]["securitySchemes"]["signature"]["x-amazon-apigateway-authtype"] == "awsSigv4"
    assert "401" not in document["paths"]["/predict"]["post"]["responses"]


def test_without_auth_the_documentation_asks_for_nothing(tmp_path):
    document = client_of(tmp_path).get("/openapi.json").json()
    assert document["security"] == []
    assert "securitySchemes" not in document["components"]
    assert not any("security" in one for methods in document["paths"].values() for one in methods.values())
