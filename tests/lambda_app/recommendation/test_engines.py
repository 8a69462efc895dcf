"""One store whose releases are searched by two engines."""

import functools
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.errors import NotLiveError
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.release.catalog import Catalog
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.local.engine import FaissEngine
from lambda_app.search.s3vectors import opening
from lambda_app.search.s3vectors.engine import S3VectorsEngine
from lambda_app.search.s3vectors.index import SearchedIndex
from lambda_app.search.s3vectors.schema import index_name
from lambda_app.search.s3vectors.state import IndexState, state_key
from lambda_app.store.blocked import block
from tests.lambda_app.conftest import BuiltRelease
from tests.lambda_app.recommendation.troubled import PATIENT, TroubledStore, holder
from tests.releases import CREATED_AT, build_release
from tests.s3vectors.filling import fill
from tests.s3vectors.server import VECTOR_BUCKET, S3VectorsServer

SETTINGS = replace(PATIENT, vector_bucket=VECTOR_BUCKET)
EVERYTHING = SimilarQuery(k=40, distinct="image", rank="cosine")


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> BuiltRelease:
    """A release that FAISS searches."""
    folder = tmp_path_factory.mktemp("printed")
    return BuiltRelease(folder, build_release(folder, printed=True))


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> BuiltRelease:
    """The same catalogue and model in a newer release, which S3 Vectors searches."""
    folder = tmp_path_factory.mktemp("moved")
    created_at = CREATED_AT + timedelta(days=1)
    return BuiltRelease(
        folder, build_release(folder, created_at=created_at, printed=True, search={"engine": "s3vectors"})
    )


@pytest.fixture
def service(s3vectors: S3VectorsServer, monkeypatch: pytest.MonkeyPatch) -> S3VectorsServer:
    """S3 Vectors without an index, as botocore finds it."""
    for name, value in s3vectors.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(opening, "SearchedIndex", functools.partial(SearchedIndex, seconds=0.2))
    return s3vectors


@pytest.fixture
def loaded(service: S3VectorsServer, moved: BuiltRelease) -> S3VectorsServer:
    """S3 Vectors with the catalogue in an index."""
    catalog = Catalog(moved.folder / "catalog.sqlite")
    rows = range(catalog.count)
    prints = catalog.fingerprints(rows)
    assert prints is not None
    entry = moved.manifest.index
    index = VectorIndex(moved.folder / entry.file, entry)
    fill(
        service.client(),
        VECTOR_BUCKET,
        moved.manifest.model.sha256,
        catalog.items(rows),
        index.vectors(rows),
        list(prints),
    )
    catalog.close()
    return service


def test_a_store_moves_to_s3_vectors_and_back_without_a_restart(
    store: TroubledStore, loaded: S3VectorsServer, printed: BuiltRelease, moved: BuiltRelease, publish: Callable
):
    publish(printed)
    live = holder(store, SETTINGS)
    before = live.current().recommender
    assert isinstance(before.engine, FaissEngine)
    photo = before.analyse(moved.photo("007a"))
    expected = before.similar(photo.embedding, EVERYTHING)

    store.fetched.clear()
    publish(moved)
    remote = live.current().recommender
    assert isinstance(remote.engine, S3VectorsEngine)
    assert remote.parts.model is before.parts.model
    assert store.fetched == []  # the model is open, and nothing else is needed
    found = remote.similar(photo.embedding, EVERYTHING)
    assert [match.item for match in found] == [match.item for match in expected]
    assert [match.score for match in found] == pytest.approx([match.score for match in expected], abs=1e-6)
    assert remote.item("003a") == before.item("003a")

    publish(printed)
    after = live.current().recommender
    assert isinstance(after.engine, FaissEngine)
    assert [match.item for match in after.similar(photo.embedding, EVERYTHING)] == [match.item for match in expected]


def test_a_cold_start_fetches_the_model_alone(
    store: TroubledStore, loaded: S3VectorsServer, moved: BuiltRelease, publish: Callable
):
    publish(moved)
    live = holder(store, SETTINGS).current()
    assert store.fetched == ["model.onnx"]
    assert live.recommender.engine.count == 40


def test_an_operator_may_choose_the_engine(
    store: TroubledStore, loaded: S3VectorsServer, printed: BuiltRelease, moved: BuiltRelease, publish: Callable
):
    publish(moved)
    assert holder(store, replace(SETTINGS, search="faiss")).current().recommender.engine.kind == "flat"
    publish(printed)
    assert holder(store, replace(SETTINGS, search="s3vectors")).current().recommender.engine.kind == "s3vectors"


def test_a_release_that_needs_a_vector_bucket_names_the_setting(
    store: TroubledStore, moved: BuiltRelease, publish: Callable
):
    publish(moved)
    with pytest.raises(NotLiveError, match="set LOOKALIKE_VECTOR_BUCKET to the name of the vector bucket"):
        holder(store, PATIENT).current()


def test_a_release_whose_index_is_missing_does_not_replace_one_that_answers(
    store: TroubledStore, service: S3VectorsServer, printed: BuiltRelease, moved: BuiltRelease, publish: Callable
):
    publish(printed)
    live = holder(store, SETTINGS)
    release = live.current().release
    publish(moved)
    assert live.current().release == release
    with pytest.raises(NotLiveError, match="the index of S3 Vectors is not loaded; it is tried again"):
        holder(store, SETTINGS).current()


def test_the_count_is_that_of_the_index_if_the_store_knows_it(
    store: TroubledStore,
    loaded: S3VectorsServer,
    moved: BuiltRelease,
    publish: Callable,
    caplog: pytest.LogCaptureFixture,
):
    publish(moved)
    name = index_name(moved.manifest.model.sha256)
    state = IndexState(vector_bucket=VECTOR_BUCKET, count=39, next_row=44, updated_at=datetime.now(UTC))
    with caplog.at_level(logging.WARNING):
        assert holder(store, SETTINGS).current().recommender.engine.count == 40
        assert "its count is taken from the manifest" in caplog.text
    path = Path(store.root / state_key(name))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(state.to_json())
    engine = holder(store, SETTINGS).current().recommender.engine
    assert isinstance(engine, S3VectorsEngine)
    assert (engine.count, engine.end, engine.newest_end()) == (39, 44, 44)
    path.write_bytes(state.model_copy(update={"next_row": 80}).to_json())
    assert (engine.end, engine.newest_end()) == (44, 80)  # a load has put items anew
    path.write_bytes(state.model_copy(update={"vector_bucket": "another"}).to_json())
    with caplog.at_level(logging.WARNING):
        assert holder(store, SETTINGS).current().recommender.engine.count == 40
    assert "is that of vector bucket another" in caplog.text


def test_routes_answer_with_the_same_fields(
    store: TroubledStore, loaded: S3VectorsServer, moved: BuiltRelease, publish: Callable
):
    publish(moved)
    block(store, ["003b"])
    with TestClient(create_app(SETTINGS, store)) as client:
        release = client.get("/release").json()
        assert (release["index_type"], release["count"], release["words"]) == ("s3vectors", 40, True)
        photo = {"file": moved.photo("003a")}
        answer = client.post("/predict/similar_images", files=photo, params={"k": 5, "distinct": "image"}).json()
        assert answer["image_labels"][0] == "003a"
        assert answer["results"][0]["same_photo"] is True
        assert answer["similar_index"][0] == 6
        assert "003b" not in answer["image_labels"]
        assert client.get("/items/003b").status_code == 404
        duplicates = client.post("/predict/duplicates", files=photo, params={"k": 5}).json()
        assert duplicates["image_labels"] == ["003a"]
        assert client.get("/items/003a/similar").json()["image_labels"]
        assert client.get("/items", params={"k": 3}).json()["similar_index"] == [0, 2, 4]


ASKED = (
    ("GET", "/items/003a"),
    ("GET", "/items/003a/similar"),
    ("GET", "/items"),
    ("GET", "/search?q=sofa"),
    ("POST", "/recommend"),
    ("POST", "/predict/similar_images"),
    ("POST", "/predict/duplicates"),
)


@pytest.mark.parametrize(
    "fault",
    ["TooManyRequestsException", "ServiceUnavailableException", "InternalServerException", "AccessDeniedException"],
)
def test_a_service_that_does_not_answer_is_a_503_that_says_when_to_try_again(
    store: TroubledStore, loaded: S3VectorsServer, moved: BuiltRelease, publish: Callable, fault: str
):
    publish(moved)
    with TestClient(create_app(replace(SETTINGS, reload_seconds=3600), store)) as client:
        assert client.get("/readyz").status_code == 200
        loaded.faults.fail(fault, calls=None)
        for method, path in ASKED:
            body: dict[str, Any] = {"json": {"liked": ["003a"]}} if path == "/recommend" else {}
            body = {"files": {"file": moved.photo("003a")}} if path.startswith("/predict") else body
            answer = client.request(method, path, **body)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5"), path
            assert "S3 Vectors" in answer.json()["detail"]
            assert VECTOR_BUCKET not in answer.text
        assert client.get("/readyz").status_code == 200
        assert client.post("/predict/category", files={"file": moved.photo("003a")}).status_code == 200
