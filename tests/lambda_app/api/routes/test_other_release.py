"""Requests that ask for another release than the live one."""

from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.settings import Settings
from lambda_app.store.blocked import block
from lambda_app.store.folder import FolderStore
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import publish_directly


@pytest.fixture
def both(tmp_path: Path, built: BuiltRelease, other: BuiltRelease) -> FolderStore:
    """A store with two releases, of which `other` is live."""
    store = FolderStore(tmp_path / "both")
    publish_directly(store, built.folder, built.manifest)
    publish_directly(store, other.folder, other.manifest, previous=built.manifest.release)
    return store


def client_of(store: FolderStore, other_releases: str = "stored") -> TestClient:
    settings = Settings(store=str(store), threads=1, other_releases=other_releases)
    return TestClient(create_app(replace(settings, reload_seconds=0.0, reload_wait_seconds=10.0), store))


def test_a_stored_release_answers_in_place_of_the_live_one(
    both: FolderStore, built: BuiltRelease, other: BuiltRelease, client: TestClient
):
    asking, release = client_of(both), built.manifest.release
    for _ in range(2):
        answer = asking.get("/items/003a/similar", params={"release": release, "k": 9})
        assert answer.headers["x-lookalike-release"] == release
        assert answer.json() == client.get("/items/003a/similar", params={"k": 9}).json()
        live = asking.get("/items/003a/similar", params={"k": 9})
        assert live.headers["x-lookalike-release"] == other.manifest.release
        assert live.json() != answer.json()
    photo = asking.post("/predict", params={"release": release}, files={"file": built.photo("003a")})
    assert photo.json() == client.post("/predict", files={"file": built.photo("003a")}).json()
    liked = asking.post("/recommend", params={"release": release}, json={"liked": ["003a"]})
    assert liked.json() == client.post("/recommend", json={"liked": ["003a"]}).json()


def test_at_most_one_other_release_is_loaded(both: FolderStore, built: BuiltRelease, other: BuiltRelease):
    asking = client_of(both)
    assert asking.get("/items", params={"release": built.manifest.release}).status_code == 200
    holder = asking.app.state.service.other  # type: ignore[attr-defined]
    first = holder._loaded
    assert asking.get("/items", params={"release": other.manifest.release}).status_code == 200
    assert holder._loaded is first  # the live release is not loaded again
    publish_directly(both, built.folder, built.manifest)  # live again
    assert asking.get("/items", params={"release": other.manifest.release}).status_code == 200
    assert holder._loaded.release == other.manifest.release


def test_while_a_release_is_loaded_further_requests_for_one_are_refused(both: FolderStore, built: BuiltRelease):
    asking = client_of(both)
    with asking.app.state.service.other._loading:  # type: ignore[attr-defined]
        answer = asking.get("/items", params={"release": built.manifest.release})
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


def test_what_is_blocked_is_in_no_other_release_either(both: FolderStore, built: BuiltRelease):
    asking, release = client_of(both), built.manifest.release
    assert asking.get("/items/003a", params={"release": release}).status_code == 200
    block(both, ["003a"])
    assert asking.get("/items/003a", params={"release": release}).status_code == 404


@pytest.mark.parametrize("release", ["20000101-000000-00000000", "../../live.json", "x", "%00", "A" * 70])
def test_an_unknown_release_is_refused(both: FolderStore, release: str):
    answer = client_of(both).get("/items", params={"release": release})
    assert answer.status_code == 404
    assert "the store has no such release" in answer.json()["detail"]


def test_a_damaged_release_is_unavailable_and_the_live_one_goes_on(both: FolderStore, built: BuiltRelease):
    both.write(f"releases/{built.manifest.release}/manifest.json", b"{}")
    asking = client_of(both)
    answer = asking.get("/items", params={"release": built.manifest.release})
    assert answer.status_code == 503
    assert "cannot be loaded" in answer.json()["detail"]
    assert asking.get("/items").status_code == 200


def test_by_default_only_the_live_release_answers(both: FolderStore, built: BuiltRelease, other: BuiltRelease):
    asking = client_of(both, "none")
    answer = asking.get("/items", params={"release": built.manifest.release})
    assert answer.status_code == 404
    assert f"this service answers with {other.manifest.release} only" in answer.json()["detail"]
    assert asking.get("/items", params={"release": other.manifest.release}).status_code == 200
