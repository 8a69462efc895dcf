from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from lambda_app.catalogue.vectors.bookkeeping import joined, stored_state
from lambda_app.catalogue.vectors.loading import SILENT, Loaded
from lambda_app.errors import (
    ConflictError,
    MissingObjectError,
    RefusedReleaseError,
    ReleaseError,
    SettingsError,
    StoreError,
)
from lambda_app.search.s3vectors.schema import index_settings
from lambda_app.store.folder import FolderStore
from tests.catalogue_changes import NOW
from tests.lambda_app.catalogue.vectors.conftest import Kept
from tests.lambda_app.catalogue.vectors.indexed import (
    KilledError,
    KilledStore,
    Killer,
    check_equal,
    counted,
    expected,
    index_of,
    loader,
    rows_in,
    stored,
)
from tests.s3vectors.server import VECTOR_BUCKET, S3VectorsServer
from tests.segments import changed


def state_of(kept: Kept, name: str):
    state, _ = stored_state(kept.store, name)
    assert state is not None
    return state


def test_a_first_load_makes_the_index_and_numbers_the_rows_in_their_order(kept: Kept, s3vectors: S3VectorsServer):
    index = index_of(s3vectors, kept.first)
    done = loader(kept.store).bring(index, kept.first)
    assert (done.count, done.put, done.deleted, done.kept) == (40, 40, 0, 0)
    check_equal(s3vectors, index, kept.store, kept.first)
    found = rows_in(stored(s3vectors, index))
    assert [found[kept.item(row).image_id] for row in range(40)] == [*range(40)]
    state = state_of(kept, index.name)
    assert (state.release, state.count, state.next_row, state.loading) == (kept.first.release, 40, 40, None)
    assert (s3vectors.counts()["PutVectors"], s3vectors.counts()["CreateIndex"]) == (1, 1)


def test_a_load_that_is_done_sends_nothing(kept: Kept, s3vectors: S3VectorsServer):
    index = index_of(s3vectors, kept.first)
    loader(kept.store).bring(index, kept.first)
    s3vectors.calls.clear()
    assert loader(kept.store).bring(index, kept.first).put == 0
    assert s3vectors.counts() == {"GetIndex": 1}


def test_a_change_sends_what_is_new_or_changed_and_deletes_what_is_gone(kept: Kept, s3vectors: S3VectorsServer):
    index = index_of(s3vectors, kept.first)
    loader(kept.store).bring(index, kept.first)
    dearer = replace(kept.item(3), price=999.0)
    vector = np.asarray([index.get([dearer.image_id])[dearer.image_id]["data"]["float32"]], np.float32)
    second = kept.follow(kept.first, segments=[kept.new(2, "x"), changed([dearer], vector)], dead=[3, 5, 6])
    done = loader(kept.store).bring(index, second)
    assert (done.put, done.deleted, done.kept, done.count) == (5, 2, 37, 42)
    check_equal(s3vectors, index, kept.store, second)
    rows = rows_in(stored(s3vectors, index))
    assert rows[kept.item(4).image_id] == 4  # what did not change keeps its row
    assert sorted(rows.values())[-5:] == [40, 41, 42, 43, 44]
    # A rollback brings back what was deleted and what was changed, under new rows.
    done = loader(kept.store).bring(index, kept.first)
    assert (done.put, done.deleted) == (3, 4)
    check_equal(s3vectors, index, kept.store, kept.first)
    assert rows_in(stored(s3vectors, index))[dearer.image_id] >= 45


@pytest.mark.parametrize("after", [False, True])
def test_a_load_goes_on_after_a_kill_at_any_step(
    kept: Kept, s3vectors: S3VectorsServer, small_batches: int, after: bool
):
    second = kept.follow(kept.first, segments=[kept.new(10, "x")], dead=range(3, 23))
    store = KilledStore(kept.store.root)
    for at in range(1 + after, 100, 2):
        s3vectors.reset()
        for key in list(store.keys("vectors/")):
            store.delete(key)
        killer = store.killer = Killer(at, after)
        index = index_of(s3vectors, kept.first, killer)
        sent = counted(index)
        for target in (kept.first, second):
            try:
                loader(store).bring(index, target)
            except KilledError:
                killer.at = None
                loader(store).bring(index, target)  # it is started again
            check_equal(s3vectors, index, store, target)
        assert sum(sent.values()) - len(sent) <= small_batches
        assert sorted(rows_in(stored(s3vectors, index)).values()) == [*range(3), *range(23, 60)]
        if killer.at is not None:
            break  # both ended before this step
    assert 20 < at < 99


@pytest.mark.parametrize("connections", [1, 3])
def test_a_killed_load_sends_at_most_a_batch_of_each_connection_again(
    kept: Kept, s3vectors: S3VectorsServer, small_batches: int, connections: int
):
    store = KilledStore(kept.store.root)
    store.killer = Killer(at=5)
    index = index_of(s3vectors, kept.first)
    sent = counted(index)
    with pytest.raises(KilledError):
        loader(store, connections=connections).bring(index, kept.first)
    store.killer = Killer()
    done = loader(store, connections=connections).bring(index, kept.first)
    assert len(sent) == 40
    assert 0 < sum(sent.values()) - 40 <= connections * small_batches
    assert done.put < 40


def test_a_storm_of_refusals_is_waited_for(kept: Kept, s3vectors: S3VectorsServer, small_batches: int):
    index = index_of(s3vectors, kept.first)
    for code in ("TooManyRequestsException", "ServiceUnavailableException", "RequestTimeoutException"):
        s3vectors.faults.fail(code, calls=4, skip=1)
    s3vectors.faults.drop(2, "PutVectors", after=True)
    loader(kept.store).bring(index, kept.first)
    check_equal(s3vectors, index, kept.store, kept.first)
    assert index.retries.sent_again >= 10


def test_a_service_that_stays_busy_ends_the_load_which_goes_on_later(
    kept: Kept, s3vectors: S3VectorsServer, small_batches: int
):
    index = index_of(s3vectors, kept.first, seconds=0.2)
    s3vectors.faults.fail("TooManyRequestsException", calls=None, operation="PutVectors", skip=3)
    with pytest.raises(StoreError, match=r"does not take PutVectors .* tried for 0\.2 s"):
        loader(kept.store).bring(index, kept.first)
    loading = state_of(kept, index.name).loading
    assert loading is not None
    assert loading.position == 24
    s3vectors.faults.clear()
    assert loader(kept.store).bring(index, kept.first).put == 16
    check_equal(s3vectors, index, kept.store, kept.first)


def test_an_index_with_other_settings_is_refused_with_what_differs(kept: Kept, s3vectors: S3VectorsServer):
    index = index_of(s3vectors, kept.first)
    settings = index_settings(8) | {"distanceMetric": "euclidean"}
    s3vectors.client().create_index(vectorBucketName=VECTOR_BUCKET, indexName=index.name, **settings)
    with pytest.raises(SettingsError, match=r"dimension 8 instead of 16; metric euclidean instead of cosine"):
        loader(kept.store).bring(index, kept.first)
    assert s3vectors.counts()["PutVectors"] == 0


def test_a_missing_vector_bucket_is_named(kept: Kept, s3vectors: S3VectorsServer):
    index = index_of(s3vectors, kept.first)
    index.bucket = "nowhere"
    with pytest.raises(MissingObjectError, match="no vector bucket nowhere"):
        loader(kept.store).bring(index, kept.first)


def test_more_than_there_is_time_for_is_refused_before_anything_is_written(kept: Kept, s3vectors: S3VectorsServer):
    index = index_of(s3vectors, kept.first)
    with pytest.raises(RefusedReleaseError, match=r"lacks 40 changes .* 39 can be sent\. Run scripts/vectors load"):
        loader(kept.store, most=39).bring(index, kept.first)
    assert (stored_state(kept.store, index.name), s3vectors.counts()["CreateIndex"]) == ((None, None), 0)
    loader(kept.store, most=40).bring(index, kept.first)
    second = kept.follow(kept.first, segments=[kept.new(2, "x")], dead=[0, 1])
    with pytest.raises(RefusedReleaseError, match="lacks 6 changes"):
        loader(kept.store, most=5).bring(index, second)
    assert state_of(kept, index.name).loading is None


def test_a_load_that_was_stopped_leaves_room_for_another_release(
    kept: Kept, s3vectors: S3VectorsServer, small_batches: int
):
    index = index_of(s3vectors, kept.first)
    loader(kept.store).bring(index, kept.first)
    second = kept.follow(kept.first, segments=[kept.new(10, "x")], dead=range(20))
    third = kept.follow(kept.first, segments=[kept.new(3, "y")], dead=range(10, 30))
    store = KilledStore(kept.store.root)
    store.killer = Killer(at=5)  # after two of three batches and none of the deletions
    with pytest.raises(KilledError):
        loader(store).bring(index, second)
    store.killer = Killer()
    with pytest.raises(StoreError, match=r"another loader brings .* wrote 0 s ago; after 90 s"):
        loader(store).bring(index, third)
    loader(store, later=SILENT).bring(index, third)
    check_equal(s3vectors, index, store, third)
    rows = rows_in(stored(s3vectors, index))
    assert min(row for key, row in rows.items() if key.startswith("y")) >= 60  # 40 and 20 were given out


def test_of_two_loaders_at_once_one_stops_and_the_other_loads_all(
    kept: Kept, s3vectors: S3VectorsServer, small_batches: int
):
    index = index_of(s3vectors, kept.first)
    other = index_of(s3vectors, kept.first)
    real = index.put
    done: list[Loaded] = []

    def put(vectors: Any, *ready: Any) -> None:
        real(vectors, *ready)
        if not done:  # after the first batch of this one, another one begins and ends
            done.append(loader(FolderStore(kept.store.root)).bring(other, kept.first))

    index.put = put  # type: ignore[method-assign, assignment]
    with pytest.raises(ConflictError, match="another loader works on index items-"):
        loader(kept.store).bring(index, kept.first)
    check_equal(s3vectors, index, kept.store, kept.first)
    assert done[0].put == 40


@pytest.mark.parametrize("when", ["listing", "deleting"])
def test_a_loader_that_was_silent_for_long_deletes_nothing_of_the_one_that_took_its_place(
    kept: Kept, s3vectors: S3VectorsServer, when: str
):
    index, other = index_of(s3vectors, kept.first), index_of(s3vectors, kept.first)
    second = kept.follow(kept.first, segments=[kept.new(2, "x")])
    other.create(kept.first.model.embedding_dim)
    stray = min(expected(kept.store, second).keys() - expected(kept.store, kept.first).keys())
    other.put([{"key": stray, "data": {"float32": [1.0] * kept.first.model.embedding_dim}, "metadata": {}}])
    late = [timedelta(0)]
    real = index.pages

    def pages(segment: int = 0, segments: int = 1) -> Iterator[list[str]]:
        if not state_is_loading():  # the first look, whether there is anything
            yield from real(segment, segments)
            return
        late[0] = 2 * SILENT
        if when == "listing":
            loader(kept.store, later=late[0]).bring(other, second)
        yield from real(segment, segments)
        if when == "deleting":
            late[0] = 4 * SILENT
            loader(kept.store, later=late[0]).bring(other, second)

    def state_is_loading() -> bool:
        state, _ = stored_state(kept.store, index.name)
        return state is not None and state.loading is not None

    index.pages = pages  # type: ignore[method-assign]
    with pytest.raises(ConflictError, match="another loader works on index items-"):
        loader(kept.store, now=lambda: NOW + late[0]).bring(index, kept.first, again=True)
    check_equal(s3vectors, other, kept.store, second)


def test_an_index_that_was_deleted_is_loaded_from_the_start(kept: Kept, s3vectors: S3VectorsServer):
    index = index_of(s3vectors, kept.first)
    loader(kept.store).bring(index, kept.first)
    index.drop()
    assert loader(kept.store).bring(index, kept.first).put == 40
    check_equal(s3vectors, index, kept.store, kept.first)


def test_of_a_damaged_state_the_message_says_how_to_go_on(kept: Kept, s3vectors: S3VectorsServer):
    index = index_of(s3vectors, kept.first)
    loader(kept.store).bring(index, kept.first)
    key = f"vectors/{index.name}.json"
    kept.store.write(key, b"{")
    for again in (False, True):
        with pytest.raises(ReleaseError, match=f"{key} in .* is damaged: .*then scripts/vectors load --again"):
            loader(kept.store).bring(index, kept.first, again=again)
    kept.store.delete(key)
    assert loader(kept.store).bring(index, kept.first, again=True).put == 40
    check_equal(s3vectors, index, kept.store, kept.first)


@pytest.mark.parametrize("lost", ["state", "release", "none"])
def test_what_the_store_does_not_know_is_put_again_and_the_rest_deleted(
    kept: Kept, s3vectors: S3VectorsServer, lost: str
):
    index = index_of(s3vectors, kept.first)
    second = kept.follow(kept.first, segments=[kept.new(2, "x")], dead=[0, 1])
    loader(kept.store).bring(index, second)
    if lost == "state":
        kept.store.delete(f"vectors/{index.name}.json")
        with pytest.raises(RefusedReleaseError, match=r"another store may be searched there.* --again"):
            loader(kept.store).bring(index, kept.first)
    if lost == "release":
        kept.store.delete(f"releases/{second.release}/manifest.json")
    index.delete([kept.item(9).image_id])  # and somebody else has been here
    done = loader(kept.store).bring(index, kept.first, again=lost != "release")
    assert (done.put, done.deleted) == (40, 4)
    check_equal(s3vectors, index, kept.store, kept.first)


def test_another_vector_bucket_is_loaded_from_the_start(kept: Kept, s3vectors: S3VectorsServer):
    index = index_of(s3vectors, kept.first)
    loader(kept.store).bring(index, kept.first)
    s3vectors.client().create_vector_bucket(vectorBucketName="second-bucket")
    index.bucket = "second-bucket"
    assert loader(kept.store).bring(index, kept.first).put == 40
    check_equal(s3vectors, index, kept.store, kept.first)
    assert state_of(kept, index.name).vector_bucket == "second-bucket"


def test_items_that_an_index_cannot_hold_are_left_out_and_named(kept: Kept, s3vectors: S3VectorsServer):
    index = index_of(s3vectors, kept.first)
    loader(kept.store).bring(index, kept.first)
    item, vectors = kept.item(3), np.eye(16, dtype=np.float32)[:3]
    rows = [
        replace(item, image_id="i" * 1_025),
        replace(item, product_id="p" * 2_000),  # it was in the index, and is there no longer
        replace(item, image_id="long", title="t" * 60_000, location="l" * 60_000, description="d" * 60_000),
    ]
    second = kept.follow(kept.first, segments=[replace(kept.new(1, "x"), items=rows, vectors=vectors)], dead=[3])
    done = loader(kept.store).bring(index, second)
    assert (done.count, done.left_out_count, done.put, done.deleted) == (40, 2, 1, 1)
    assert done.left_out == ("i" * 1_025, item.image_id)
    assert state_of(kept, index.name).left_out == 2
    check_equal(s3vectors, index, kept.store, second)


def test_progress_is_told_from_where_a_load_goes_on(kept: Kept, s3vectors: S3VectorsServer, small_batches: int):
    store = KilledStore(kept.store.root)
    store.killer = Killer(at=4)
    with pytest.raises(KilledError):
        loader(store).bring(index_of(s3vectors, kept.first), kept.first)
    store.killer = Killer()
    told: list[int] = []

    def tell(size: int, done: int) -> Any:
        told.extend((size, done))
        return told.append

    loader(store, tell=tell).bring(index_of(s3vectors, kept.first), kept.first)
    assert told == [40, 16, 8, 8, 8]


def test_ranges_that_touch_become_one():
    assert joined([(10, 12), (0, 3), (3, 5), (4, 6)]) == ((0, 6), (10, 12))
