"""Prunes and local copies of releases of segments: what the live one needs stays, what old ones had goes."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from lambda_app.promotion.ingest import apply_changes
from lambda_app.promotion.promotion import rollback
from lambda_app.promotion.scratch import keep_only_live
from lambda_app.promotion.stored import stored_manifest
from lambda_app.promotion.upkeep.pruning import prune
from lambda_app.release.manifest import FileEntry, Manifest
from lambda_app.store.bucket import S3Store
from lambda_app.store.contract import OBJECTS, Store
from tests.catalogue_changes import NOW, SETTINGS, change, has, live, logged, removed, upserted

# S3 keeps whole seconds: what was written within this second is old, too.
AT_ONCE = timedelta(seconds=-2)


def sha256s(entries: Iterable[FileEntry]) -> set[str]:
    return {entry.sha256 for entry in entries}


def later() -> datetime:
    return NOW + timedelta(minutes=1)


def _same(moment: datetime) -> datetime:
    return moment


@pytest.fixture
def chain(store: Store, made: Manifest, tmp_path: Path) -> list[Manifest]:
    """The first release, and three of segments, each made from the one before."""
    found = [made]
    for number, name in enumerate(("one", "three", "seven")):
        at = NOW + timedelta(seconds=number)
        logged(store, upserted(store, tmp_path, name), removed(image_id=f"{number:03}a"), at=at)
        found.append(stored_manifest(store, apply_changes(store, SETTINGS, partial(_same, at)).release))
    return found


def test_a_prune_keeps_the_base_and_deletes_segments_of_old_releases(store: Store, chain: list[Manifest]):
    first, second, third, last = chain
    pruned = prune(store, 1, AT_ONCE)
    assert set(pruned.releases) == {first.release, second.release}
    needed = sha256s(third.files()) | sha256s(last.files())
    assert {key.removeprefix(OBJECTS) for key in store.keys(OBJECTS)} == needed
    assert sha256s([first.model, first.index, first.catalog]) <= needed
    assert sha256s(second.files()) - needed != set()
    after = live(store)
    assert [has(after, image_id) for image_id in ("one", "three", "seven", "002a")] == [True, True, True, False]


def test_changes_and_a_rollback_go_on_after_a_prune(store: Store, chain: list[Manifest]):
    prune(store, 1, AT_ONCE)
    rollback(store, SETTINGS, later)
    assert [has(live(store), image_id) for image_id in ("three", "seven")] == [True, False]
    logged(store, change(op="update", image_id="one", set={"price": 4.0}), at=NOW + timedelta(seconds=9))
    apply_changes(store, SETTINGS, later)
    after = live(store)
    assert (after.item("one").price, has(after, "seven")) == (4.0, False)


def test_only_the_files_of_the_live_release_stay_on_the_disk(store: Store, chain: list[Manifest]):
    if not isinstance(store, S3Store):
        pytest.skip("a folder makes no local copies")
    for manifest in chain:
        for entry in manifest.serving_files():
            store.local_file(entry)
    keep_only_live(store)
    assert {path.name for path in store.cache.iterdir()} == sha256s(chain[-1].serving_files())
