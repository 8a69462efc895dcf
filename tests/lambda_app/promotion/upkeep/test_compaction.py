import errno
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lambda_app.catalogue import merging
from lambda_app.catalogue.merging import due
from lambda_app.errors import RefusedReleaseError, ReleaseError, ScratchSpaceError
from lambda_app.model.session import Model
from lambda_app.promotion.ingest import apply_changes
from lambda_app.promotion.promotion import rollback
from lambda_app.promotion.stored import stored_manifest
from lambda_app.promotion.succession import move_pointer
from lambda_app.promotion.upkeep import compaction
from lambda_app.promotion.upkeep.compaction import Compacted, compact, compact_if_due, too_large
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.release.manifest import FORMAT, Manifest
from lambda_app.store.blocked import block
from lambda_app.store.contract import Store
from lambda_app.store.folder import FolderStore
from tests.catalogue_changes import SETTINGS, change, has, live, logged, now, removed, upserted
from tests.engines import engine_of
from tests.releases import build_release, publish_directly


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def changed(store: Store, tmp_path: Path) -> Manifest:
    """The live release: one photo was added to 40, two were removed, and two were updated."""
    manifest = build_release(tmp_path / "release")
    publish_directly(store, tmp_path / "release", manifest)
    logged(
        store,
        upserted(store, tmp_path, "new"),
        removed(product_id="product-003"),
        change(op="update", product_id="product-004", set={"price": 3.5}),
    )
    return stored_manifest(store, apply_changes(store, SETTINGS, now).release)


def answers(store: Store, ids: Sequence[str]) -> list[Any]:
    release = live(store)
    return [
        [(match.item, round(match.score, 5)) for match in release.similar_to(image_id, SimilarQuery(k=30))]
        for image_id in ids
    ]


def test_a_merge_changes_no_answer_and_runs_no_photo(store: Store, changed: Manifest, monkeypatch: pytest.MonkeyPatch):
    ids = ["000a", "004b", "new"]
    before = answers(store, ids)
    words = [match.item.image_id for match in live(store).search(SimilarQuery(k=5, words="new"))]
    monkeypatch.setattr(Model, "run", lambda *_: pytest.fail("a forward pass"))
    done = compact(store, SETTINGS, now)
    after = live(store)
    assert done is not None
    assert (done.release, after.manifest.format) == (after.manifest.release, FORMAT)
    assert "2 segments with 43 rows became one of 39, without 4 dead rows" in done.detail
    assert (after.manifest.rows, after.manifest.count, after.manifest.segmented) == (39, 39, False)
    assert (after.manifest.parent, after.manifest.changes_through) == (changed.parent, 1)
    assert (after.manifest.smoke, after.manifest.reference) == (changed.smoke, changed.reference)
    assert answers(store, ids) == before
    assert [match.item.image_id for match in live(store).search(SimilarQuery(k=5, words="new"))] == words
    assert not has(after, "003a")
    assert compact(store, SETTINGS, now) is None


def test_later_changes_apply_to_the_merged_release(store: Store, changed: Manifest):
    compact(store, SETTINGS, now)
    logged(store, removed(image_id="new"), change(op="update", image_id="000a", set={"title": "Later"}))
    apply_changes(store, SETTINGS, now)
    assert not has(live(store), "new")
    assert live(store).item("000a").title == "Later"


def test_a_rollback_after_a_merge_goes_back_to_the_catalogue_before(store: Store, changed: Manifest):
    compact(store, SETTINGS, now)
    rollback(store, SETTINGS, now)
    after = live(store)
    assert (has(after, "new"), has(after, "003a")) == (False, True)
    assert after.manifest.changes_through == 2


def test_blocked_items_stay_blocked(store: Store, changed: Manifest):
    block(store, image_ids=["new"])
    before = store.read("blocked.json")
    compact(store, SETTINGS, now)
    assert store.read("blocked.json") == before
    assert has(live(store), "new")  # the catalogue has it; the API hides it


def test_a_lost_race_merges_what_is_live_then(store: Store, changed: Manifest, monkeypatch: pytest.MonkeyPatch):
    move = move_pointer

    def beaten(*call: Any) -> None:
        monkeypatch.setattr(compaction, "move_pointer", move)
        logged(store, removed(image_id="000a"))
        apply_changes(store, SETTINGS, now)
        move(*call)

    monkeypatch.setattr(compaction, "move_pointer", beaten)
    compact(store, SETTINGS, now)
    assert (has(live(store), "000a"), live(store).manifest.segmented) == (False, False)


def test_a_merge_that_is_due_gives_way_to_changes(store: Store, changed: Manifest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(merging, "WORTH_MERGING", 0)
    monkeypatch.setattr(merging, "MOST_ADDED", 0.05)
    move = move_pointer

    def beaten(*call: Any) -> None:
        logged(store, removed(image_id="000a"))
        apply_changes(store, SETTINGS, now)
        move(*call)

    monkeypatch.setattr(compaction, "move_pointer", beaten)
    found = compact_if_due(store, SETTINGS, now)
    assert found is not None
    assert (found.release, "the next changes try again" in found.detail) == (None, True)
    assert not has(live(store), "000a")


@pytest.mark.parametrize(
    ("added", "dead", "reason"),
    [
        (1_001, 0, "1,001 rows were added to 10,000"),
        (1_000, 0, None),
        (500, 2_101, "2,101 of 10,500 rows are dead"),
        (500, 2_100, None),
    ],
)
def test_merging_is_due_above_a_tenth_added_or_a_fifth_dead(
    changed: Manifest, added: int, dead: int, reason: str | None
):
    assert due(sized(changed, 10_000, added, dead)) == reason


def test_a_small_catalogue_is_not_merged_again_and_again(changed: Manifest):
    assert due(sized(changed, 2_000, 900, 900)) is None


def sized(manifest: Manifest, rows: int, added: int, dead: int) -> Manifest:
    def resized(entry: Any, count: int) -> Any:
        return entry.model_copy(update={"count": count, "bytes": 1000 * count})

    segment = manifest.segments[0]
    assert manifest.dead is not None
    return manifest.model_copy(
        update={
            "index": resized(manifest.index, rows),
            "catalog": resized(manifest.catalog, rows),
            "segments": (
                segment.model_copy(
                    update={"index": resized(segment.index, added), "catalog": resized(segment.catalog, added)}
                ),
            ),
            "dead": manifest.dead.model_copy(update={"count": dead}) if dead else None,
        }
    )


@pytest.mark.parametrize(
    ("seconds", "megabytes", "free", "why"),
    [
        (None, None, 10**12, None),
        (10_000.0, 100_000, 10**12, None),
        (1.0, None, 10**12, "s are left"),
        (None, 1024, 10**12, "the function has 1,024 MB"),
        (None, None, 10**9, "MB are free"),
    ],
)
def test_a_merge_that_does_not_fit_is_left_to_the_command(
    changed: Manifest,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float | None,
    megabytes: int | None,
    free: int,
    why: str | None,
):
    usage = shutil.disk_usage("/")._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    found = too_large(sized(changed, 1_000_000, 100_000, 0), seconds, megabytes)
    assert (found is None) == (why is None)
    assert why is None or why in (found or "")


def test_changes_stay_live_if_a_merge_does_not_fit_or_fails(
    store: Store, changed: Manifest, monkeypatch: pytest.MonkeyPatch
):
    assert compact_if_due(store, SETTINGS, now) is None
    monkeypatch.setattr(merging, "WORTH_MERGING", 0)
    monkeypatch.setattr(merging, "MOST_ADDED", 0.05)
    late = compact_if_due(store, SETTINGS, now, seconds=0.0)
    assert late is not None
    assert "scripts/catalogue --store STORE compact" in late.detail

    def broken(*_: Any) -> None:
        raise ReleaseError("a broken file")

    with monkeypatch.context() as patch:
        patch.setattr(compaction, "merge", broken)
        assert compact_if_due(store, SETTINGS, now) == Compacted(None, "segments were not merged: a broken file")
    assert live(store).manifest.release == changed.release
    done = compact_if_due(store, SETTINGS, now)
    assert done is not None
    assert done.release == live(store).manifest.release != changed.release


def test_fingerprints_survive_a_merge(store: Store, changed: Manifest):
    ids = ["000a", "004a", "new"]
    before = known(store, ids)
    compact(store, SETTINGS, now)
    after = known(store, ids)
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        np.testing.assert_array_equal(before, after)


def known(store: Store, ids: Sequence[str]) -> Any:
    catalog = engine_of(live(store)).catalog
    return catalog.fingerprints([row for row in map(catalog.find, ids) if row is not None])


def test_nothing_is_merged_where_nothing_is_live(tmp_path: Path):
    with pytest.raises(RefusedReleaseError, match="nothing is live"):
        compact(FolderStore(tmp_path / "empty"), SETTINGS, now)
    found = compact_if_due(FolderStore(tmp_path / "empty"), SETTINGS, now)
    assert found is not None
    assert "nothing is live" in found.detail


def test_a_scratch_disk_that_is_full_leaves_the_changes_live(
    store: Store, changed: Manifest, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(compaction, "merge", full)
    with pytest.raises(ScratchSpaceError):
        compact(store, SETTINGS, now)
    assert live(store).manifest.release == changed.release
