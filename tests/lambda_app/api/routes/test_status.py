import re
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.api.messages import schemas
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import move_pointer, publish_directly


@pytest.fixture
def empty(tmp_path: Path) -> TestClient:
    """A client of an application over an empty store."""
    return TestClient(create_app(Settings(store=str(tmp_path / "store"), threads=1)))


def test_health_needs_no_model(client: TestClient, empty: TestClient):
    for process in (client, empty):
        answer = process.get("/healthcheck")
        assert (answer.status_code, answer.json()) == (200, {"message": "API is up and running!"})


def test_readiness_loads_what_is_live(client: TestClient, built: BuiltRelease):
    answer = client.get("/readyz")
    assert answer.json() == {"status": "ready", "release": built.manifest.release}


@pytest.mark.parametrize("path", ["/readyz", "/release", "/items/003a", "/images/003a", "/items/003a/similar"])
def test_nothing_live_is_unavailable_with_the_reason(empty: TestClient, path: str):
    answer = empty.get(path)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "nothing has been promoted" in answer.json()["detail"]


def test_a_release_goes_live_without_a_restart(
    tmp_path: Path, built: BuiltRelease, other: BuiltRelease, settings: Settings, photo: bytes
):
    store = FolderStore(tmp_path)
    eager = replace(settings, store=str(store), reload_seconds=0, reload_wait_seconds=20)
    client = TestClient(create_app(eager))
    assert client.post("/predict", files={"file": photo}).status_code == 503
    for release in (built, other):
        publish_directly(store, release.folder, release.manifest)
        answer = client.post("/predict", files={"file": photo})
        assert answer.status_code == 200
        assert answer.headers["x-lookalike-release"] == release.manifest.release
        assert client.get("/release").json()["release"] == release.manifest.release


def test_the_release_is_as_documented(client: TestClient, built: BuiltRelease):
    answer = schemas.ReleaseAnswer.model_validate(client.get("/release").json())
    assert (answer.release, answer.count, answer.categories) == (
        built.manifest.release,
        40,
        list(built.manifest.categories),
    )
    assert answer.created_at == answer.promoted_at == built.manifest.created_at
    assert answer.loaded_at > answer.promoted_at


def test_the_documentation_comes_from_this_server_alone(client: TestClient):
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "http" not in page.text.replace("http-equiv", "")
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.svg", "docs.js"):
        assert re.search(rf'"static/[0-9a-f]{{12}}/{re.escape(name)}"', page.text)
        assert client.get(f"/static/{name}").status_code == 200


def test_the_manifest_names_the_release_and_not_the_pointer(
    store: FolderStore, built: BuiltRelease, settings: Settings
):
    found = store.read_pointer()
    assert found is not None
    manifest = store.read(f"releases/{built.manifest.release}/manifest.json")
    store.write("releases/20991231-000000-ffffffff/manifest.json", manifest)
    move_pointer(store, found.pointer.model_copy(update={"release": "20991231-000000-ffffffff"}))
    client = TestClient(create_app(replace(settings, store=str(store)), store))
    answer = client.get("/release")
    assert answer.json()["release"] == answer.headers["x-lookalike-release"] == built.manifest.release
    assert client.get("/readyz").json()["release"] == built.manifest.release
