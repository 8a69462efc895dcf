"""Releases that are searched in S3 Vectors go live: the index is brought to each of them before the pointer moves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lambda_app.catalogue.vectors.bookkeeping import stored_state
from lambda_app.catalogue.vectors.ready import bring_index
from lambda_app.errors import PointerConflictError, RefusedReleaseError, SettingsError, StoreError
from lambda_app.promotion import promotion, succession
from lambda_app.promotion.ingest import apply_changes
from lambda_app.promotion.promotion import promote_archive, promote_stored, rollback
from lambda_app.promotion.stored import stored_manifest
from lambda_app.promotion.upkeep import compaction
from lambda_app.promotion.upkeep.compaction import compact
from lambda_app.promotion.upkeep.model_rollback import rollback_model
from lambda_app.promotion.upkeep.pruning import prune
from lambda_app.promotion.upkeep.switching import use
from lambda_app.release.archive import write_archive
from lambda_app.release.entries import SearchEntry
from lambda_app.release.manifest import Manifest
from lambda_app.store.contract import Store
from lambda_app.store.folder import FolderStore
from tests.catalogue_changes import NOW, change, logged, now, removed, upserted
from tests.catalogue_changes import SETTINGS as WITHOUT
from tests.lambda_app.catalogue.vectors.indexed import check_equal, index_of, rows_in, stored
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import CREATED_AT
from tests.s3vectors.server import VECTOR_BUCKET, S3VectorsServer

EARLIER, LATER = "20261102-120100-0a1b2c3d", "20261102-120900-0a1b2c3d"
SETTINGS = replace(WITHOUT, vector_bucket=VECTOR_BUCKET, threads=1)


@pytest.fixture(autouse=True)
def reached(s3vectors: S3VectorsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients find the server by the variable of botocore."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", s3vectors.url)


@pytest.fixture
def there(store: FolderStore) -> FolderStore:
    """A store whose live release is searched in S3 Vectors."""
    use(store, "s3vectors", SETTINGS, now)
    return store


def live(store: Store) -> Manifest:
    pointer = store.read_pointer()
    assert pointer is not None
    return stored_manifest(store, pointer.pointer.release)


def check(store: Store, server: S3VectorsServer) -> Manifest:
    """The live release is searched in S3 Vectors, and its index is what it should be."""
    manifest = live(store)
    index = index_of(server, manifest)
    assert manifest.engine == "s3vectors"
    check_equal(server, index, store, manifest)
    state, _ = stored_state(store, index.name)
    assert state is not None
    assert (state.release, state.count, state.loading) == (manifest.release, manifest.count, None)
    return manifest


def moved_on(minutes: int = 1) -> Callable:
    return lambda: NOW + timedelta(minutes=minutes)


def archived(built: BuiltRelease, folder: Path, **fields: object) -> Path:
    """The archive of a release that is searched in S3 Vectors."""
    made = built.manifest.model_copy(update={"search": SearchEntry(engine="s3vectors"), **fields})
    return write_archive(folder / "release.tar", made, built.folder)


def test_a_store_moves_to_s3_vectors_and_back(store: FolderStore, s3vectors: S3VectorsServer, built: BuiltRelease):
    done = use(store, "s3vectors", SETTINGS, now)
    manifest = check(store, s3vectors)
    assert (done.outcome, done.release, manifest.parent) == ("live", manifest.release, built.manifest.release)
    assert (manifest.model, manifest.index, manifest.catalog) == (
        built.manifest.model,
        built.manifest.index,
        built.manifest.catalog,
    )
    assert use(store, "s3vectors", SETTINGS, now).outcome == "already live"
    s3vectors.calls.clear()
    use(store, "faiss", SETTINGS, moved_on(1))
    assert (live(store).engine, live(store).search, s3vectors.calls) == ("faiss", None, [])
    logged(store, removed(image_id="000a"))
    apply_changes(store, SETTINGS, moved_on(2))
    assert s3vectors.calls == []  # not searched there now
    use(store, "s3vectors", SETTINGS, moved_on(3))
    check(store, s3vectors)
    assert s3vectors.counts()["PutVectors"] == 0  # the rest was there


def test_changes_of_the_log_reach_the_index(there: FolderStore, s3vectors: S3VectorsServer, tmp_path: Path):
    logged(there, upserted(there, tmp_path, "new"), removed(product_id="product-003"))
    logged(there, change(op="update", image_id="001a", set={"price": 7.5}), at=NOW + timedelta(seconds=1))
    apply_changes(there, SETTINGS, now)
    manifest = check(there, s3vectors)
    found = stored(s3vectors, index_of(s3vectors, manifest))
    assert found["001a"]["metadata"]["price"] == 7.5
    assert sorted(rows_in(found).values())[-2:] == [40, 41]
    assert rows_in(found)["005b"] == 11


def test_a_rollback_brings_items_back(there: FolderStore, s3vectors: S3VectorsServer):
    logged(there, removed(product_id="product-003"), change(op="update", image_id="001a", set={"title": "Other"}))
    apply_changes(there, SETTINGS, now)
    rollback(there, SETTINGS, moved_on())
    assert check(there, s3vectors).count == 40


def test_a_compaction_sends_nothing(there: FolderStore, s3vectors: S3VectorsServer):
    logged(there, change(op="update", image_id="001a", set={"price": 7.5}), removed(product_id="product-003"))
    apply_changes(there, SETTINGS, now)
    s3vectors.calls.clear()
    compact(there, SETTINGS, moved_on())
    assert not check(there, s3vectors).segmented
    assert s3vectors.counts()["PutVectors"] == s3vectors.counts()["DeleteVectors"] == 0


def test_a_release_of_another_model_gets_an_index_of_its_own_and_the_model_goes_back(
    there: FolderStore, s3vectors: S3VectorsServer, other: BuiltRelease, tmp_path: Path
):
    first = live(there)
    promoted = promote_archive(there, archived(other, tmp_path), SETTINGS, now=moved_on())
    assert promoted.outcome == "live"
    second = check(there, s3vectors)
    assert index_of(s3vectors, first).name != index_of(s3vectors, second).name
    logged(there, removed(product_id="product-005"), at=NOW + timedelta(minutes=2))
    apply_changes(there, SETTINGS, moved_on(2))
    check(there, s3vectors)
    s3vectors.calls.clear()
    rollback_model(there, SETTINGS, moved_on(3))
    back = check(there, s3vectors)
    assert (back.model, back.count) == (first.model, 38)  # with the change that came since
    assert (s3vectors.counts()["PutVectors"], s3vectors.counts()["DeleteVectors"]) == (0, 1)
    promote_stored(there, second.release, SETTINGS, moved_on(4))
    assert check(there, s3vectors).model == second.model


def test_a_drop_that_there_is_no_time_to_load_is_stored_and_refused_with_the_commands(
    there: FolderStore, s3vectors: S3VectorsServer, other: BuiltRelease, tmp_path: Path
):
    before, archive = live(there), archived(other, tmp_path)
    with pytest.raises(RefusedReleaseError, match=r"lacks 40 changes .* 10 can be sent\. Run scripts/vectors load"):
        promote_archive(there, archive, SETTINGS, now=moved_on(), seconds_left=lambda: 0.01)
    assert live(there) == before
    check(there, s3vectors)
    with pytest.raises(RefusedReleaseError, match="0 can be sent"):
        promote_archive(there, archive, SETTINGS, now=moved_on(), seconds_left=lambda: -3.0)
    promote_stored(there, other.manifest.release, SETTINGS, moved_on())
    assert check(there, s3vectors).release == other.manifest.release


def test_a_drop_goes_live_with_the_index_that_a_failed_try_began(
    there: FolderStore, s3vectors: S3VectorsServer, other: BuiltRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("lambda_app.catalogue.vectors.sending.MOST_PUT", 8)
    before, archive = live(there), archived(other, tmp_path)
    s3vectors.faults.fail("AccessDeniedException", operation="PutVectors", calls=1, skip=2)
    with pytest.raises(StoreError, match="no right to s3vectors:PutVectors on index items-"):
        promote_archive(there, archive, SETTINGS, now=moved_on())
    assert live(there) == before
    sent = s3vectors.counts()["PutVectors"]
    assert promote_archive(there, archive, SETTINGS, now=moved_on()).outcome == "live"
    check(there, s3vectors)
    assert s3vectors.counts()["PutVectors"] - sent < 5


def test_without_a_vector_bucket_nothing_goes_live(store: FolderStore):
    with pytest.raises(SettingsError, match="set LOOKALIKE_VECTOR_BUCKET"):
        use(store, "s3vectors", WITHOUT, now)
    assert live(store).engine == "faiss"


@pytest.mark.parametrize("lost", ["rollback", "merge"])
def test_who_loses_the_race_for_the_pointer_leaves_the_index_to_the_winner(
    there: FolderStore, s3vectors: S3VectorsServer, monkeypatch: pytest.MonkeyPatch, lost: str
):
    for minute, product in enumerate(("product-003", "product-005"), start=1):
        logged(there, removed(product_id=product), at=NOW + timedelta(minutes=minute))
        apply_changes(there, SETTINGS, moved_on(minute))
    module = promotion if lost == "rollback" else compaction
    real = bring_index
    raced: list[bool] = []

    def bring(*given: Any) -> None:
        if not raced:
            raced.append(True)  # other changes go live at this moment
            logged(there, removed(product_id="product-006"), at=NOW + timedelta(minutes=3))
            apply_changes(there, SETTINGS, moved_on(4))
        real(*given)

    monkeypatch.setattr(module, "bring_index", bring)
    if lost == "rollback":
        rollback(there, SETTINGS, moved_on(5))
    else:
        monkeypatch.setattr(compaction, "due", lambda _manifest: "of the test")
        done = compaction.compact_if_due(there, SETTINGS, moved_on(5))
        assert done is not None
        assert done.release is None
    assert raced
    check(there, s3vectors)


@pytest.mark.parametrize("outcome", ["superseded", "refused", "lost"])
def test_a_drop_that_does_not_go_live_leaves_the_index_as_the_live_release(
    there: FolderStore,
    s3vectors: S3VectorsServer,
    built: BuiltRelease,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    outcome: str,
):
    logged(there, removed(product_id="product-003"))
    apply_changes(there, SETTINGS, now)
    # Another promotion goes live at the moment in which the pointer of the drop would move.
    real, moves = succession.point_to, [0]

    def point_to(store: Store, made: Manifest, *given: Any, **further: Any) -> None:
        moves[0] += 1
        assert stored_state(store, index_of(s3vectors, made).name)[0].release == made.release  # type: ignore[union-attr]
        if outcome == "superseded":
            archive = archived(
                built, tmp_path / "won", release=LATER, created_at=NOW + timedelta(minutes=9), force=True
            )
            monkeypatch.setattr(promotion, "point_to", real)
            promote_archive(store, archive, SETTINGS, now=moved_on(10))
        if outcome == "refused":
            raise RefusedReleaseError("of the test")
        raise PointerConflictError("of the test")

    monkeypatch.setattr(promotion, "point_to", point_to)
    (tmp_path / "won").mkdir()
    archive = archived(built, tmp_path, release=EARLIER, created_at=NOW + timedelta(minutes=1), force=True)
    if outcome == "superseded":
        assert promote_archive(there, archive, SETTINGS, now=moved_on(10)).outcome == "superseded"
    else:
        error = RefusedReleaseError if outcome == "refused" else PointerConflictError
        with pytest.raises(error, match="of the test"):
            promote_archive(there, archive, SETTINGS, now=moved_on(10))
    assert moves[0] >= 1
    assert check(there, s3vectors).release != EARLIER


def test_of_an_index_that_cannot_be_brought_back_the_error_says_both(
    there: FolderStore, s3vectors: S3VectorsServer, built: BuiltRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    logged(there, removed(product_id="product-003"))
    apply_changes(there, SETTINGS, now)
    archive = archived(built, tmp_path, release=EARLIER, created_at=NOW + timedelta(minutes=1), force=True)

    def point_to(*_given: Any, **_further: Any) -> None:
        s3vectors.faults.fail("AccessDeniedException", calls=None)
        raise RefusedReleaseError("of the test")

    with monkeypatch.context() as patch:
        patch.setattr(promotion, "point_to", point_to)
        with pytest.raises(StoreError, match=r"of the test\. Besides, .* no right to s3vectors:GetIndex .* does it"):
            promote_archive(there, archive, SETTINGS, now=moved_on(2))
    s3vectors.faults.clear()
    old = archived(built, tmp_path, release=EARLIER, created_at=CREATED_AT, force=True)
    with pytest.raises(
        RefusedReleaseError, match="exists with other content"
    ):  # the next event of any kind restores it
        promote_archive(there, old, SETTINGS, now=moved_on(3))
    check(there, s3vectors)


def test_a_drop_without_a_vector_bucket_is_refused_before_it_is_stored(
    store: FolderStore, other: BuiltRelease, s3vectors: S3VectorsServer, tmp_path: Path
):
    before, archive = live(store), archived(other, tmp_path)
    with pytest.raises(RefusedReleaseError, match="no vector bucket is set; set LOOKALIKE_VECTOR_BUCKET"):
        promote_archive(store, archive, WITHOUT, now=moved_on())
    assert live(store) == before
    assert not store.exists(f"releases/{other.manifest.release}/manifest.json")
    assert promote_archive(store, archive, SETTINGS, now=moved_on()).outcome == "live"


def test_where_all_is_searched_by_faiss_no_index_is_touched(there: FolderStore, s3vectors: S3VectorsServer):
    s3vectors.calls.clear()
    logged(there, removed(image_id="000a"))
    apply_changes(there, replace(SETTINGS, search="faiss"), now)
    assert (live(there).count, s3vectors.calls) == (39, [])


def test_prune_keeps_what_an_index_holds_and_deletes_no_index(
    there: FolderStore, s3vectors: S3VectorsServer, other: BuiltRelease, tmp_path: Path
):
    first = live(there)
    for _ in range(2):  # so that the first one is neither live nor the one before
        promote_archive(there, archived(other, tmp_path), SETTINGS, now=moved_on())
        use(there, "faiss", SETTINGS, moved_on(2))
    logged(there, removed(image_id="000a"))
    apply_changes(there, SETTINGS, moved_on(3))
    s3vectors.calls.clear()
    pruned = prune(there, keep=1, age=timedelta(seconds=-1))
    assert pruned.releases
    assert first.release not in pruned.releases
    assert s3vectors.calls == []
    assert there.exists(f"releases/{first.release}/manifest.json")
    assert CREATED_AT < NOW
