from datetime import timedelta
from pathlib import Path

import pytest

from lambda_app.promotion.ingest import apply_changes
from lambda_app.promotion.promotion import rollback
from lambda_app.promotion.upkeep.compaction import compact
from lambda_app.promotion.upkeep.listing import list_releases
from lambda_app.promotion.upkeep.switching import use
from lambda_app.release.manifest import Manifest
from lambda_app.store.folder import FolderStore
from tests.catalogue_changes import NOW, SETTINGS, logged, removed
from tests.releases import build_release, publish_directly


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def made(store: FolderStore, tmp_path: Path) -> Manifest:
    manifest = build_release(tmp_path / "release")
    publish_directly(store, tmp_path / "release", manifest)
    return manifest


def origin_of(store: FolderStore, release: str) -> str | None:
    return next(row.origin for row in list_releases(store) if row.release == release)


def test_each_release_says_what_it_was_made_from(store: FolderStore, made: Manifest):
    logged(store, removed(image_id="000a"))
    first = apply_changes(store, SETTINGS).release
    logged(store, removed(image_id="001a"), at=NOW + timedelta(seconds=1))
    second = apply_changes(store, SETTINGS).release
    back = rollback(store, SETTINGS).release
    merged = compact(store, SETTINGS)
    assert merged is not None
    assert merged.release is not None
    assert origin_of(store, made.release) == "trained"
    assert origin_of(store, first) == f"log up to 1, from {made.release}"
    assert origin_of(store, second) == f"log up to 2, from {first}"
    assert origin_of(store, back) == f"rollback to {first}"
    assert origin_of(store, merged.release) == "log up to 3, merged"


def test_a_release_of_changes_that_could_not_be_applied_is_no_rollback(store: FolderStore, made: Manifest):
    logged(store, removed(image_id="nobody"))
    assert origin_of(store, apply_changes(store, SETTINGS).release) == f"log up to 1, from {made.release}"


def test_another_search_engine_is_named(store: FolderStore, made: Manifest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lambda_app.promotion.upkeep.switching.bring_index", lambda *_: None)
    assert origin_of(store, use(store, "s3vectors", SETTINGS).release) == (
        f"searched in S3 Vectors, from {made.release}"
    )
