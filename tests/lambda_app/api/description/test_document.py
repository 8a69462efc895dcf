import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.photo.rules import MEDIA_TYPES
from lambda_app.settings import Settings
from lambda_app.store.bucket import _UPLOAD
from lambda_app.store.folder import FolderStore
from tests.lambda_app.api.description.references import dereferenced

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
    ("post", "/predict/duplicates"),
    ("post", "/recommend"),
    ("get", "/search"),
    ("get", "/items"),
    ("get", "/examples"),
    ("get", "/examples/{number}"),
    ("get", "/release/report"),
    ("post", "/uploads"),
    ("get", "/items/{image_id}"),
    ("get", "/items/{image_id}/similar"),
    ("get", "/images/{image_id}"),
}


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    """The document, with what its operations refer to in its place."""
    return dereferenced(client.get("/openapi.json").json())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_every_route_is_documented(document: dict[str, Any]):
    assert {(method, path) for method, path, _ in operations(document)} == ROUTES
    assert all(operation["description"] for _, _, operation in operations(document))


def test_every_operation_has_a_name_for_generators_and_a_short_title(document: dict[str, Any]):
    ids = [operation["operationId"] for *_, operation in operations(document)]
    assert {"predict", "similarImages", "getItem"} <= set(ids)
    assert len(set(ids)) == len(ids)
    for *_, operation in operations(document):
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", operation["operationId"])
        assert 5 <= len(operation["summary"]) <= 60
        assert operation["tags"][0] in {tag["name"] for tag in document["tags"]}


def test_every_answer_has_an_example_and_its_headers(document: dict[str, Any]):
    for *_, operation in operations(document):
        for status, answer in operation["responses"].items():
            for kind, content in answer["content"].items() if "content" in answer else ():
                assert ("example" in content) is (not kind.startswith(("image/", "text/"))), (
                    operation["operationId"],
                    status,
                )
            headers = {"X-Request-Id", "X-Lookalike-Release", "Server-Timing"}
            headers |= {"503": {"Retry-After"}, "307": {"Location"}}.get(status, set())
            assert set(answer.get("headers", ())) == (set() if status == "429" else headers)


def test_the_headers_are_those_of_answers(client: TestClient, document: dict[str, Any]):
    answer = client.get("/release")
    assert set(answer.headers) >= {name.lower() for name in document["components"]["headers"]} - {
        "location",
        "retry-after",
    }


def test_every_reference_leads_somewhere_and_every_component_is_referred_to(client: TestClient):
    whole = client.get("/openapi.json").json()
    found = set(re.findall(r'"\$ref": "#/components/(\w+/[\w-]+)"', json.dumps(whole)))
    assert found == {f"{kind}/{name}" for kind, parts in whole["components"].items() for name in parts}
    assert '"#/$defs' not in json.dumps(whole)


def test_errors_are_problems(document: dict[str, Any]):
    for _, path, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status >= "400":
                kind = "application/json" if status == "429" else "application/problem+json"
                assert list(answer["content"]) == [kind], (path, status)
    assert "HTTPValidationError" not in document["components"]["schemas"]


@pytest.mark.parametrize("path", ["/predict", "/predict/category", "/predict/feature_embedding", "/predict/batch"])
def test_forms_are_described(document: dict[str, Any], path: str):
    body = document["paths"][path]["post"]["requestBody"]
    form = body["content"]["multipart/form-data"]["schema"]
    field = "files" if path.endswith("batch") else "file"
    assert form["required"] == [field]
    assert list(form["properties"]) == [field]
    assert body["required"] is True


@pytest.mark.parametrize("path", ["/predict", "/predict/category", "/predict/feature_embedding"])
def test_a_photo_is_not_empty(client: TestClient, document: dict[str, Any], path: str):
    contents = document["paths"][path]["post"]["requestBody"]["content"]
    for kind in ("image/*", "application/octet-stream"):
        assert contents[kind]["schema"]["minLength"] == 1
        sent = client.post(path, content=b"", headers={"Content-Type": kind.replace("*", "png")})
        assert sent.status_code == 400
    field = contents["multipart/form-data"]["schema"]["properties"]["file"]
    assert field.get("items", field)["minLength"] == 1
    assert client.post(path, files={"file": b""}).status_code == 415


@pytest.mark.parametrize(
    ("path", "method", "more"),
    [
        ("/predict", "post", ["q", "rank", "box"]),
        ("/predict/batch", "post", ["rank"]),
        ("/predict/similar_images", "post", ["q", "rank", "box"]),
        ("/items/{image_id}/similar", "get", ["q"]),
    ],
)
def test_search_parameters_are_described(document: dict[str, Any], path: str, method: str, more: list[str]):
    parameters = {parameter["name"]: parameter for parameter in document["paths"][path][method]["parameters"]}
    parameters.pop("image_id", None)
    assert parameters.pop("release")["required"] is False  # of all routes that a release answers
    assert list(parameters) == ["k", "category", "min_price", "max_price", "distinct", "min_score", *more]
    for parameter in parameters.values():
        assert (parameter["in"], parameter["required"]) == ("query", False)
        assert parameter["description"]
    assert (parameters["k"]["schema"]["type"], parameters["k"]["schema"]["default"]) == ("integer", 4)
    assert parameters["distinct"]["schema"]["enum"] == ["product", "image"]


def test_a_recommendation_takes_the_same_parameters_in_its_body(document: dict[str, Any]):
    body = document["paths"]["/recommend"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    searched = document["paths"]["/items/{image_id}/similar"]["get"]["parameters"]
    described = {parameter["name"]: parameter["description"] for parameter in searched if parameter["in"] == "query"}
    described.pop("q")
    described.pop("release")  # also in the query string here
    assert list(body["properties"]) == ["liked", "disliked", *described]
    assert {name: body["properties"][name]["description"] for name in described} == described
    assert body["required"] == ["liked"]


def schema_of(document: dict[str, Any], path: str, name: str) -> dict[str, Any]:
    """The schema of a parameter, or of a field of the body."""
    (operation,) = document["paths"][path].values()
    for parameter in operation.get("parameters", []):
        if parameter["name"] == name:
            return dict(parameter["schema"])
    for content in operation["requestBody"]["content"].values():
        for schema in content["schema"].get("oneOf", [content["schema"]]):
            if name in schema.get("properties", {}):
                return dict(schema["properties"][name])
    raise LookupError(name)


SEARCHES = ["/predict", "/predict/similar_images", "/predict/batch", "/items/{image_id}/similar"]


@pytest.mark.parametrize("max_k", [3, 100])
def test_the_limits_of_k_are_those_that_hold(shop: FolderStore, photo: bytes, max_k: int):
    client = TestClient(create_app(Settings(store=str(shop), threads=1, max_k=max_k), shop))
    document = dereferenced(client.get("/openapi.json").json())
    for path in [*SEARCHES, "/predict/category", "/recommend"]:
        described = schema_of(document, path, "k")
        assert (described["minimum"], described["maximum"]) == (1, max_k)
        assert described["default"] <= max_k
        for k, status in ((0, 422), (1, 200), (max_k, 200), (max_k + 1, 422)):
            assert ask(client, path, photo, k=k).status_code == status, (path, k)


def ask(client: TestClient, path: str, photo: bytes, **asked: Any) -> Any:
    """A request with parameters, that is in order but for them."""
    if path == "/recommend":
        return client.post(path, json={"liked": ["003a"], **asked})
    if path.startswith("/items"):
        return client.get(path.replace("{image_id}", "003a"), params=asked)
    return client.post(path, params=asked, files={"files" if path.endswith("batch") else "file": photo})


@pytest.mark.parametrize("path", [*SEARCHES, "/recommend"])
def test_the_limits_of_a_cosine_are_those_that_hold(
    client: TestClient, document: dict[str, Any], photo: bytes, path: str
):
    described = schema_of(document, path, "min_score")
    assert (described["minimum"], described["maximum"]) == (-1, 1)
    for score, status in ((-1.001, 422), (-1, 200), (1, 200), (1.001, 422)):
        assert ask(client, path, photo, min_score=score).status_code == status


def test_the_limits_of_lists_are_those_that_hold(client: TestClient, document: dict[str, Any], photo: bytes):
    liked, disliked = (schema_of(document, "/recommend", name) for name in ("liked", "disliked"))
    assert (liked["minItems"], liked["maxItems"], disliked["maxItems"]) == (1, 100, 100)
    for wish, status in (
        ({"liked": []}, 422),
        ({"liked": ["003a"] * 100, "disliked": ["004a"] * 100}, 200),
        ({"liked": ["003a"] * 101}, 422),
        ({"liked": ["003a"], "disliked": ["004a"] * 101}, 422),
    ):
        assert client.post("/recommend", json=wish).status_code == status
    files = schema_of(document, "/predict/batch", "files")
    assert (files["minItems"], files["maxItems"]) == (1, 3)  # of the fixture's settings
    for count, status in ((3, 200), (4, 413)):
        assert client.post("/predict/batch", files=[("files", photo)] * count).status_code == status


def test_the_types_and_keys_of_an_upload_are_those_that_are_taken(document: dict[str, Any]):
    assert set(schema_of(document, "/uploads", "content_type")["enum"]) == set(MEDIA_TYPES.values())
    assert schema_of(document, "/predict", "upload")["pattern"] == f"^{_UPLOAD.pattern}$"
    for path in ("/predict", "/predict/batch"):
        form = document["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]
        (part,) = form["encoding"].values()
        assert part["contentType"].split(", ") == sorted(MEDIA_TYPES.values())


def test_answers_that_depend_on_the_deployment_are_described(document: dict[str, Any]):
    assert "501" in document["paths"]["/uploads"]["post"]["responses"]
    assert "501" in document["paths"]["/predict"]["post"]["responses"]
    entry = document["components"]["schemas"]["BatchEntry"]["properties"]["status"]
    assert "415" in entry["description"]
    for _, path, operation in operations(document):
        if "requestBody" in operation:
            assert {"408", "413", "503"} <= set(operation["responses"]), path


def test_no_limit_is_left_to_be_filled_and_applications_do_not_share_theirs(shop: FolderStore):
    for most in (7, 9):
        app = create_app(Settings(store=str(shop), max_batch=most), shop)
        assert schema_of(dereferenced(app.openapi()), "/predict/batch", "files")["maxItems"] == most
        assert not re.search('"max[iI][a-z]+": "', json.dumps(app.openapi()))


def test_the_types_of_an_upload_are_named(document: dict[str, Any]):
    body = document["paths"]["/uploads"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "image/jpeg, image/png, image/webp" in body["properties"]["content_type"]["description"]


@pytest.mark.parametrize(("path", "most"), [("/predict", 4), ("/predict/similar_images", 4), ("/predict/category", 1)])
def test_how_many_photos_a_route_takes_is_described(document: dict[str, Any], path: str, most: int):
    contents = document["paths"][path]["post"]["requestBody"]["content"]
    file = contents["multipart/form-data"]["schema"]["properties"]["file"]
    keys = contents["application/json"]["schema"]
    if most == 1:
        assert (file["type"], keys["required"]) == ("string", ["upload"])
    else:
        assert (file["minItems"], file["maxItems"]) == (1, most)
        one, several = keys["oneOf"]
        assert (one["required"], several["required"]) == (["upload"], ["uploads"])
        uploads = several["properties"]["uploads"]
        assert (uploads["minItems"], uploads["maxItems"]) == (1, most)
        assert "default" not in uploads


@pytest.mark.parametrize(
    ("box", "taken"),
    [
        ("0,0,1,1", True),
        ("0.25,0.1,0.5,0.5", True),
        ("0.1,0.2,0.9,0.8", True),
        ("1.0,0,1,1", False),  # as the pattern has it, but it ends outside
        ("0,0,0,1", False),
        ("0.5,0,0.6,1", False),
        ("", False),
        ("0,0,1", False),
        ("0,0,1,1,1", False),
        (" 0,0,1,1", False),
        ("-0,0,1,1", False),
        ("0,0,1,1.5", False),
        ("nan,0,1,1", False),
        ("1e-3,0,.5,1", False),
        ("0,0,1,\N{ARABIC-INDIC DIGIT ONE}", False),
        ("0,0,1,1\n", False),
    ],
)
@pytest.mark.parametrize("path", ["/predict", "/predict/category", "/predict/feature_embedding"])
def test_a_box_is_taken_as_it_is_described(
    client: TestClient, document: dict[str, Any], photo: bytes, path: str, box: str, taken: bool
):
    answer = client.post(path, files={"file": photo}, params={"box": box})
    assert answer.status_code == (200 if taken else 422)
    if taken:
        assert re.fullmatch(schema_of(document, path, "box")["pattern"], box)
    else:
        assert answer.json()["detail"].startswith(f"box is {box!r}; it takes left,top,width,height: four decimal")


def test_no_other_request_pays_for_the_document():
    code = (
        "import sys\nfrom lambda_app.api.app import create_app\nfrom lambda_app.settings import Settings\n"
        "create_app(Settings(store='unused'))\nassert not [n for n in sys.modules if 'api.description' in n]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[4])
