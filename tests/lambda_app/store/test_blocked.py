import json
import threading
from pathlib import Path

import pytest

from lambda_app.errors import ConflictError, QueryError, StoreError
from lambda_app.store.blocked import MOST_IDS, NOTHING_BLOCKED, BlockedItems, block, read_blocked, unblock
from lambda_app.store.contract import BLOCKED, Store
from lambda_app.store.folder import FolderStore
from tests.s3_server import S3Server


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, s3: S3Server) -> Store:
    return FolderStore(tmp_path / "store") if request.param == "folder" else s3.store("shop", tmp_path / "cache")


def test_without_a_file_nothing_is_blocked(store: Store):
    found = read_blocked(store)
    assert found is not None
    assert found.items == NOTHING_BLOCKED
    assert read_blocked(store, unless=found.version) is None


def test_blocked_items_are_added_and_removed(store: Store):
    before = read_blocked(store)
    assert before is not None
    assert block(store, ["a", "b", "a"], ["p"]) == BlockedItems(image_ids=("a", "b"), product_ids=("p",))
    found = read_blocked(store, unless=before.version)
    assert found is not None
    assert found.items.image_ids == ("a", "b")
    assert json.loads(store.read(BLOCKED)) == {"format": 1, "image_ids": ["a", "b"], "product_ids": ["p"]}
    assert unblock(store, ["a", "unknown"]) == BlockedItems(image_ids=("b",), product_ids=("p",))
    assert unblock(store, ["b"], ["p"]) == NOTHING_BLOCKED
    assert read_blocked(store, unless=found.version) is not None


def test_a_change_that_changes_nothing_writes_nothing(store: Store):
    block(store, ["a"])
    version = store.read_versioned(BLOCKED)
    assert version is not None
    block(store, ["a"])
    unblock(store, ["b"])
    assert store.read_versioned(BLOCKED, unless=version.version) is None


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path):
    store = FolderStore(tmp_path / "store")
    writers = [
        threading.Thread(target=lambda number=number: [block(store, [f"{number}-{turn}"]) for turn in range(5)])
        for number in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    found = read_blocked(store)
    assert found is not None
    assert sorted(found.items.image_ids) == [f"{number}-{turn}" for number in range(4) for turn in range(5)]


def test_a_writer_gives_up_when_others_always_come_first(tmp_path: Path):
    class Contested(FolderStore):
        def replace(self, key: str, data: bytes, expected: str | None) -> None:
            raise ConflictError(f"{key} has changed")

    with pytest.raises(ConflictError):
        block(Contested(tmp_path / "store"), ["a"])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"[]", "no object"),
        (b"{}", "no object with a format"),
        (b'{"format": true}', "no object with a format"),
        (b'{"format": 2}', "format: Input should be 1"),
        (b'{"format": 1, "image_id": ["a"]}', "image_id: Extra inputs"),
        (b'{"format": 1, "image_ids": "a"}', "image_ids"),
        (b'{"format": 1, "image_ids": [1]}', "image_ids.0"),
        (b'{"format": 1, "product_ids": [""]}', "product_ids.0"),
        (b"[" * 100_000, "not JSON"),
        (b'{"format": 1}' + b" " * (16 << 20), "the limit is 16,777,216"),
    ],
)
def test_a_damaged_file_is_an_error(store: Store, data: bytes, says: str):
    store.write(BLOCKED, data)
    with pytest.raises(StoreError, match=rf"blocked\.json of .*{says}"):
        read_blocked(store)
    with pytest.raises(StoreError):
        block(store, ["a"])
    assert store.read(BLOCKED) == data


@pytest.mark.parametrize(
    ("ids", "says"),
    [([""], "image_ids.0"), (["x" * 65_537], "at most 65536"), ([str(i) for i in range(MOST_IDS + 1)], "100,001 ids")],
)
def test_ids_that_cannot_be_blocked_are_refused(tmp_path: Path, ids: list[str], says: str):
    store = FolderStore(tmp_path / "store")
    with pytest.raises(QueryError, match=says):
        block(store, ids)
    assert not store.exists(BLOCKED)
