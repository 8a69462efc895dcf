from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from lambda_app.catalogue.changes import Item, Remove, Unreadable, Upsert, write_entry
from lambda_app.catalogue.log import (
    CLOCKS_DIFFER,
    MOST_UPSERTS,
    append,
    entries,
    entry_key,
    first_since,
    last_number,
)
from lambda_app.errors import ConflictError, StoreError
from lambda_app.store.contract import CHANGES, Store
from lambda_app.store.folder import FolderStore
from tests.releases import publish_directly
from tests.s3_server import S3Server

NOW = datetime(2026, 11, 26, 5, tzinfo=UTC)


@pytest.fixture(params=["folder", "bucket"])
def log(request: pytest.FixtureRequest, tmp_path, s3: S3Server) -> Store:
    return FolderStore(tmp_path / "log") if request.param == "folder" else s3.store("shop", tmp_path / "cache")


def change(name: str) -> Remove:
    return Remove(image_id=name)


def names(store: Store, after: int = 0) -> list[str]:
    return [str(getattr(line, "image_id", None)) for entry in entries(store, after) for line in entry.lines]


class LosesResponses(FolderStore):
    """A store whose writes succeed, but the response of the first one with a number is lost: it is sent again."""

    def replace(self, key: str, data: bytes, expected: str | None) -> None:
        if expected is None and not self.exists(key):
            super().replace(key, data, None)
        super().replace(key, data, expected)


def test_numbers_begin_with_one_and_have_no_gaps(log: Store):
    for number in range(1, 12):
        assert append(log, [change(str(number))], "test", f"b{number}", NOW) == [number]
    assert list(log.keys(CHANGES)) == [entry_key(number) for number in range(1, 12)]
    assert entry_key(1) == "changes/000000000001.jsonl"
    assert names(log) == [str(number) for number in range(1, 12)]
    assert names(log, after=9) == ["10", "11"]
    assert [last_number(log, known) for known in (0, 1, 5, 10, 11)] == [11] * 5


def test_an_empty_log_has_no_entries(log: Store):
    assert last_number(log) == 0
    assert list(entries(log, 0)) == []
    assert append(log, [], "test", "b", NOW) == []


def test_a_write_whose_response_is_lost_is_one_entry(tmp_path):
    store = LosesResponses(tmp_path)
    assert append(store, [change("a")], "test", "b1", NOW) == [1]
    assert append(store, [change("b")], "test", "b2", NOW, once=True) == [2]
    assert names(store) == ["a", "b"]


def test_the_same_batch_again_is_the_same_entry(log: Store):
    assert append(log, [change("a")], "drop", "b1", NOW, once=True) == [1]
    for number in range(2, 6):
        append(log, [change(str(number))], "test", f"b{number}", NOW)
    assert append(log, [change("a")], "drop", "b1", NOW + timedelta(days=3), once=True) == [1]
    assert len(names(log)) == 5


def test_a_batch_whose_first_try_ended_after_its_note_is_appended_once(tmp_path):
    class EndsAfterTheNote(FolderStore):
        def replace(self, key: str, data: bytes, expected: str | None) -> None:
            if key.startswith(f"{CHANGES}0"):
                raise StoreError("the process ends")
            super().replace(key, data, expected)

    store = FolderStore(tmp_path)
    append(store, [change("first")], "test", "b0", NOW)
    with pytest.raises(StoreError):
        append(EndsAfterTheNote(tmp_path), [change("a")], "drop", "b1", NOW, once=True)
    append(store, [change("other")], "test", "b2", NOW)
    assert append(store, [change("a")], "drop", "b1", NOW, once=True) == [3]
    assert append(store, [change("a")], "drop", "b1", NOW, once=True) == [3]


def test_many_changes_become_several_entries_and_an_interrupted_batch_goes_on(tmp_path):
    class Full(FolderStore):
        def replace(self, key: str, data: bytes, expected: str | None) -> None:
            if key == entry_key(3):
                raise StoreError("full")
            super().replace(key, data, expected)

    def item(number: int) -> Item:
        return Item(image_id=str(number), product_id="1", category="c", photo=f"datasets/shop/{number}.jpg")

    changes = [Upsert(item=item(number)) for number in range(2 * MOST_UPSERTS + 1)]
    store = FolderStore(tmp_path)
    with pytest.raises(StoreError):
        append(Full(tmp_path), changes, "drop", "big", NOW, once=True)
    append(store, [change("other")], "test", "b2", NOW)
    assert append(store, changes, "drop", "big", NOW, once=True) == [1, 2, 4]
    assert [len(entry.lines) for entry in entries(store, 0)] == [MOST_UPSERTS, MOST_UPSERTS, 1, 1]


def test_writers_at_once_lose_nothing(tmp_path):
    log = FolderStore(tmp_path)

    def write(writer: int) -> None:
        for number in range(8):
            append(log, [change(f"{writer}-{number}")], "test", f"{writer}-{number}", NOW)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    found = names(log)
    assert sorted(found) == sorted(f"{writer}-{number}" for writer in range(8) for number in range(8))
    for writer in range(8):
        own = [name for name in found if name.startswith(f"{writer}-")]
        assert own == [f"{writer}-{number}" for number in range(8)]


def test_two_deliveries_of_an_event_at_once_are_one_entry(tmp_path):
    stores = [FolderStore(tmp_path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda store: append(store, [change("a")], "drop", "b1", NOW, once=True), stores))
    assert found == [[1]] * 8
    assert names(stores[0]) == ["a"]


def test_nothing_is_listed(tmp_path, built, s3: S3Server):
    store = s3.store("shop", tmp_path / "cache")
    publish_directly(store, built.folder, built.manifest)
    for number in range(5):
        append(store, [change(str(number))], "test", str(number), NOW, once=True)
    s3.requests.clear()
    append(store, [change("a")], "test", "a", NOW, once=True)
    assert len(list(entries(store, 3))) == 3
    assert not [request for request in s3.requests if request.method == "GET" and not request.key]
    assert len(s3.requests) < 30


def test_an_entry_is_never_written_twice(tmp_path):
    store = FolderStore(tmp_path)
    append(store, [change("a")], "test", "b1", NOW)
    with pytest.raises(ConflictError):
        store.replace(entry_key(1), write_entry([change("b")], "test", "b2", NOW), None)


def test_the_entries_since_a_moment_are_found_by_their_times(tmp_path):
    store = FolderStore(tmp_path)
    assert first_since(store, NOW) == 0
    for hour in range(10):
        append(store, [change(str(hour))], "test", str(hour), NOW + timedelta(hours=hour))
    assert first_since(store, NOW + timedelta(hours=5)) == 4  # entry 5 was written at hour 4, one hour before
    assert first_since(store, NOW + timedelta(hours=5, minutes=1)) == 5
    assert first_since(store, NOW - timedelta(days=1)) == 0
    assert first_since(store, NOW + timedelta(days=1)) == 10
    assert timedelta(hours=1) == CLOCKS_DIFFER


def test_an_entry_with_more_photos_than_a_run_may_take_is_not_applied(tmp_path):
    store = FolderStore(tmp_path / "store")
    item = Item(image_id="a", product_id="a", category="Home", photo="datasets/d/a.jpg")
    for number, upserts in enumerate((1_000, 1_001), start=1):
        changes = [Upsert(item=item)] * upserts
        store.write(entry_key(number), write_entry(changes, "another writer", str(number), datetime.now(UTC)))
    whole, refused = entries(store, 0)
    assert len(whole.lines) == 1_000
    (line,) = refused.lines
    assert isinstance(line, Unreadable)
    assert line.reason.startswith("the entry has 1,001 upserts; an entry may have 1,000")
