import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

# The contract: every route of the API, for people and machines that read /openapi.json.
ROUTES = {
    ("get", "/healthcheck"),
    ("get", "/readyz"),
    ("get", "/release"),
    ("post", "/predict"),
    ("post", "/predict/category"),
    ("post", "/predict/feature_embedding"),
    ("post", "/predict/similar_images"),
    ("post", "/predict/batch"),
    ("post", "/recommend"),
    ("post", "/uploads"),
    ("get", "/items/{image_id}"),
    ("get", "/items/{image_id}/similar"),
    ("get", "/images/{image_id}"),
}


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    return client.get("/openapi.json").json()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_every_route_is_documented(document: dict[str, Any]):
    assert {(method, path) for method, path, _ in operations(document)} == ROUTES
    assert all(operation["description"] for _, _, operation in operations(document))


def test_every_reference_leads_somewhere(document: dict[str, Any]):
    schemas = document["components"]["schemas"]
    references = {part.split('"')[0] for part in json.dumps(document).split('"$ref": "#/components/schemas/')[1:]}
    assert references
    assert references <= set(schemas)
    assert '"#/$defs' not in json.dumps(document)


def test_errors_are_problems(document: dict[str, Any]):
    for _, path, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"], (path, status)
    assert "HTTPValidationError" not in document["components"]["schemas"]


@pytest.mark.parametrize("path", ["/predict", "/predict/category", "/predict/feature_embedding", "/predict/batch"])
def test_forms_are_described(document: dict[str, Any], path: str):
    body = document["paths"][path]["post"]["requestBody"]
    form = body["content"]["multipart/form-data"]["schema"]
    field = "files" if path.endswith("batch") else "file"
    assert form["required"] == [field]
    assert list(form["properties"]) == [field]
    assert body["required"] is True


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/predict", "post"),
        ("/predict/batch", "post"),
        ("/predict/similar_images", "post"),
        ("/items/{image_id}/similar", "get"),
    ],
)
def test_search_parameters_are_described(document: dict[str, Any], path: str, method: str):
    parameters = {parameter["name"]: parameter for parameter in document["paths"][path][method]["parameters"]}
    parameters.pop("image_id", None)
    assert list(parameters) == ["k", "category", "min_price", "max_price", "min_score", "distinct"]
    for parameter in parameters.values():
        assert (parameter["in"], parameter["required"]) == ("query", False)
        assert parameter["description"]
    assert (parameters["k"]["schema"]["type"], parameters["k"]["schema"]["default"]) == ("integer", 4)
    assert parameters["distinct"]["schema"]["enum"] == ["product", "image"]


def test_a_recommendation_takes_the_same_parameters_in_its_body(document: dict[str, Any]):
    body = document["paths"]["/recommend"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    searched = document["paths"]["/items/{image_id}/similar"]["get"]["parameters"]
    described = {parameter["name"]: parameter["description"] for parameter in searched if parameter["in"] == "query"}
    assert list(body["properties"]) == ["liked", "disliked", *described]
    assert {name: body["properties"][name]["description"] for name in described} == described
    assert body["required"] == ["liked"]


def test_the_types_of_an_upload_are_named(document: dict[str, Any]):
    body = document["paths"]["/uploads"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "image/jpeg, image/png, image/webp" in body["properties"]["content_type"]["description"]
