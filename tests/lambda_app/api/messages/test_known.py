import json

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from lambda_app.api.messages.known import unknown_fields, unknown_names
from lambda_app.api.messages.parameters import RecommendRequest
from lambda_app.api.messages.schemas import Health, UploadedPhotos
from tests.lambda_app.conftest import BuiltRelease


def test_a_text_names_the_first_few_and_what_is_most_like_them():
    known = ("max_price", "min_price", "k")
    assert unknown_names(["max_prize"], "a parameter", known) == (
        "'max_prize' is not a parameter (did you mean max_price?); it takes k, max_price, min_price"
    )
    assert unknown_names(["MinPrice", "zzz"], "a field", known).startswith(
        "'MinPrice' is not a field (did you mean min_price?); 'zzz' is not a field; it takes "
    )
    many = unknown_names([f"zzz{n}" for n in range(5)] * 2, "a field", ())
    assert many.endswith("'zzz2' is not a field, nor are 2 more; it takes none")
    assert len(unknown_names(["x" * 10_000], "a field", known)) < 200


@pytest.mark.parametrize(
    ("method", "path", "known"),
    [
        ("POST", "/predict", "box, category, distinct, k, max_price, min_price, min_score, q, rank, release"),
        ("POST", "/predict/category", "box, k, release"),
        ("POST", "/predict/duplicates", "box, k, release"),
        ("POST", "/predict/batch", "category, distinct, k, max_price, min_price, min_score, rank, release"),
        ("GET", "/items", "after, category, distinct, k, max_price, min_price, release"),
        ("GET", "/search", "category, distinct, k, max_price, min_price, q, release"),
        ("GET", "/items/003a/similar", "category, distinct, k, max_price, min_price, min_score, q, release"),
        ("GET", "/items/003a", "release"),
        ("GET", "/images/003a", "release"),
        ("POST", "/recommend", "release"),
        ("GET", "/examples", "release"),
        ("GET", "/examples/0", "release"),
        ("GET", "/release/report", "release"),
        ("GET", "/release", "none"),
        ("POST", "/uploads", "none"),
    ],
)
def test_an_unknown_query_parameter_is_refused_with_those_that_a_route_has(
    client: TestClient, method: str, path: str, known: str
):
    answer = client.request(method, path, params={"max_prize": 200})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["detail"].startswith(f"'max_prize' is not a query parameter of {method} {path[:7]}")
    assert answer.json()["detail"].endswith(f"; it takes {known}")
    assert ("did you mean max_price?" in answer.json()["detail"]) == ("max_price" in known)


def test_every_route_of_the_description_but_the_probes_refuses_unknown_parameters(client: TestClient):
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            answer = client.request(method, path.replace("{number}", "0"), params={"no_such": "1"})
            if operation["operationId"] in ("getHealth", "getReadiness"):
                assert answer.status_code == 200
            else:
                assert answer.status_code == 422, path
                assert "'no_such' is not a query parameter" in answer.json()["detail"]
                assert "422" in operation["responses"], path


def test_pages_and_their_files_take_any_parameter(client: TestClient):
    for path in ("/", "/docs", "/config.json", "/static/style.css", "/openapi.json", "/healthcheck"):
        assert client.get(path, params={"v": "3", "utm_source": "mail"}).status_code == 200


def test_a_signature_in_the_query_string_is_no_parameter(client: TestClient):
    signed = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Signature": "00", "x-amz-security-token": "any"}
    assert client.get("/items", params={"k": 1, **signed}).status_code == 200


def test_head_is_checked_as_get(client: TestClient):
    assert client.head("/items", params={"k": 1}).status_code == 200
    assert client.head("/items", params={"kk": 1}).status_code == 422


@pytest.mark.parametrize("path", ["/predict", "/predict/category", "/predict/duplicates", "/predict/similar_images"])
def test_an_unknown_field_of_a_form_is_refused(client: TestClient, built: BuiltRelease, path: str):
    answer = client.post(path, files={"file": built.photo("003a")}, data={"max_price": "3"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "'max_price' is not a field of this form; it takes file. The parameters of a search belong in the query string"
    )


def test_an_unknown_field_of_a_batch_is_refused(client: TestClient, built: BuiltRelease):
    answer = client.post("/predict/batch", files=[("files", built.photo("003a")), ("file", built.photo("003a"))])
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("'file' is not a field of this form (did you mean files?)")


def test_an_unknown_field_of_json_is_refused_with_the_known_ones(client: TestClient):
    answer = client.post("/recommend", json={"liked": ["003a"], "max_prize": 3, "K": 4})
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert detail.startswith("'max_prize' is not a field of the body (did you mean max_price?); 'K' is not a field")
    assert "liked" in detail
    for path, body in (("/predict", {"upload": "a", "k": 3}), ("/uploads", {"content_type": "image/png", "name": "a"})):
        refused = client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
        assert refused.status_code == 422
        assert "is not a field of the body" in refused.json()["detail"]


def test_unknown_fields_are_found_before_a_model_makes_an_error_of_each():
    assert unknown_fields(b'{"upload": "a", "k": 3, "": 4, "k": 5}', UploadedPhotos) == ["k", ""]
    for body in (b'{"upload": "a"}', b'["k"]', b"{", b'{"\\ud800": 1}'):
        assert unknown_fields(body, UploadedPhotos) == []
    assert unknown_fields(b'{"k": 3}', Health) == ["k"]


def test_a_list_of_wrong_ids_makes_one_error():
    with pytest.raises(ValidationError) as caught:
        RecommendRequest.model_validate_json(b'{"liked": [1, 2, 3], "disliked": [4, 5]}')
    assert [error["loc"] for error in caught.value.errors()] == [("liked", 0), ("disliked", 0)]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_method_that_a_path_does_not_have_is_refused_as_such_whatever_the_query(client: TestClient, method: str):
    assert client.request(method, "/items/000a/similar?k=4&kk=4").status_code == 405


def test_a_batch_under_another_name_is_told_the_name(client: TestClient, built: BuiltRelease):
    photo = built.photo("003a")
    answer = client.post("/predict/batch", files=[("file", photo), ("file", photo)])
    said = "each photo of a batch is a field 'files', and the form has only 'file'"
    assert (answer.status_code, answer.json()["detail"]) == (400, said)


def test_a_parameter_that_belongs_in_the_body_is_told_so(client: TestClient):
    answer = client.post("/recommend?k=2&zzz=1", json={"liked": ["003a"]})
    assert answer.status_code == 422
    assert answer.json()["detail"].endswith(". Send 'k' in the JSON of the body")
    assert "body" not in client.get("/items?liked=003a").json()["detail"]


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/similar_images", "; did you mean /predict/similar_images?"),
        ("/predict/", "; did you mean /predict?"),
        ("/wp", ""),
    ],
)
def test_an_unknown_path_is_told_the_one_most_like_it(client: TestClient, path: str, hint: str):
    assert client.post(path).json()["detail"] == f"nothing found at POST {path}{hint}"
