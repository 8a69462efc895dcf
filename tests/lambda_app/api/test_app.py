import ast
import inspect
from pathlib import Path
from types import ModuleType

import pytest
from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.api.routes import items, predictions, status
from lambda_app.errors import SettingsError
from lambda_app.settings import Settings


def test_making_the_application_reads_nothing(tmp_path: Path):
    store = tmp_path / "not there yet"
    client = TestClient(create_app(Settings(store=str(store))))
    assert client.get("/healthcheck").status_code == 200
    assert not store.exists()


def test_a_store_that_cannot_be_is_an_error():
    with pytest.raises(SettingsError, match="scheme 'ftp'"):
        create_app(Settings(store="ftp://host"))


@pytest.mark.parametrize("path", ["/predict/", "/healthcheck/", "/docs/", "/redoc", "/openapi.yaml", "/%00", "/a%0Ab"])
def test_other_paths_are_problems_and_no_redirects(client: TestClient, path: str):
    answer = client.get(path, follow_redirects=False)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "GET", "OPTIONS", "TRACE", "INVENTED"])
def test_other_methods_are_problems(client: TestClient, method: str):
    answer = client.request(method, "/predict")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("module", [predictions, items, status])
def test_routes_are_short(module: ModuleType):
    tree = ast.parse(inspect.getsource(module))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 12, node.name


def test_a_long_path_is_cut_in_the_answer(client: TestClient):
    answer = client.get("/" + "x" * 60_000)
    assert answer.status_code == 404
    assert len(answer.content) < 1000
    assert answer.json()["detail"].endswith("xxx...")
    assert len(client.get("/items/" + "x" * 60_000).content) < 1000
    assert len(client.put("/items/" + "x" * 60_000).content) < 1000


def test_an_unusable_content_length_is_a_bad_request(client: TestClient):
    answer = client.post("/predict", content=iter([b"x"]), headers={b"Content-Length": b"\xb2"})
    assert answer.status_code == 400
    assert "Content-Length" in answer.json()["detail"]


def test_a_parameter_that_is_missing_is_named(client: TestClient):
    answer = client.get("/search")
    assert (answer.status_code, answer.json()["detail"]) == (422, "q is missing")
