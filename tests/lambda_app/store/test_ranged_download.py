import hashlib
import os
from pathlib import Path

import pytest

from lambda_app.errors import MissingObjectError, ReleaseError, StoreError
from lambda_app.release.manifest import FileEntry
from lambda_app.store import ranged_download
from lambda_app.store.ranged_download import PART_BYTES, RangedDownload

DATA = os.urandom(1000) * (3 * PART_BYTES // 1000) + b"tail"


def entry(data: bytes = DATA, **changes) -> FileEntry:
    fields = {"file": "model.onnx", "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    return FileEntry(**{**fields, **changes})


class Source:
    """Returns ranges of DATA; fails at the given positions."""

    def __init__(self, failing: dict[int, int] | None = None, error: StoreError | None = None) -> None:
        self.failing = failing or {}
        self.error = error or StoreError("the connection broke")
        self.asked: list[int] = []

    def __call__(self, start: int, end: int) -> bytes:
        self.asked.append(start)
        if self.failing.get(start, 0) > 0:
            self.failing[start] -= 1
            raise self.error
        return DATA[start:end]


def test_the_parts_are_joined_to_the_whole_object(tmp_path: Path):
    source = Source()
    target = RangedDownload(entry(), tmp_path / "object", source).finish()
    assert target.read_bytes() == DATA
    assert sorted(source.asked) == list(range(0, len(DATA), PART_BYTES))
    assert [path.name for path in tmp_path.iterdir()] == ["object"]


def test_an_empty_object_becomes_an_empty_file(tmp_path: Path):
    assert RangedDownload(entry(b""), tmp_path / "object", Source()).finish().read_bytes() == b""


def test_a_broken_connection_is_retried(tmp_path: Path):
    source = Source({PART_BYTES: 1})
    assert RangedDownload(entry(), tmp_path / "object", source).finish().read_bytes() == DATA
    assert source.asked.count(PART_BYTES) == 2


def test_after_a_failure_only_the_missing_part_is_downloaded(tmp_path: Path):
    source = Source({PART_BYTES: 2})
    download = RangedDownload(entry(), tmp_path / "object", source)
    with pytest.raises(StoreError, match=r"model\.onnx cannot be fetched: the connection broke"):
        download.finish()
    assert not (tmp_path / "object").exists()
    source.asked.clear()
    assert download.finish().read_bytes() == DATA
    assert source.asked == [PART_BYTES]


def test_a_deleted_partial_file_is_downloaded_from_the_start(tmp_path: Path):
    source = Source({0: 2})
    download = RangedDownload(entry(), tmp_path / "object", source)
    with pytest.raises(StoreError):
        download.finish()
    for path in tmp_path.iterdir():
        path.unlink()
    assert download.finish().read_bytes() == DATA


def test_a_missing_object_is_not_retried(tmp_path: Path):
    source = Source({0: 1}, MissingObjectError("no such key"))
    with pytest.raises(MissingObjectError):
        RangedDownload(entry(), tmp_path / "object", source).finish()
    assert source.asked.count(0) == 1


@pytest.mark.parametrize(
    ("changes", "message"), [({"sha256": "0" * 64}, "has sha256"), ({"bytes": len(DATA) + 5}, "does not have the")]
)
def test_content_with_another_size_or_checksum_is_refused(tmp_path: Path, changes: dict, message: str):
    with pytest.raises(ReleaseError, match=message):
        RangedDownload(entry(**changes), tmp_path / "object", Source()).finish()
    assert not (tmp_path / "object").exists()


def test_a_finished_object_is_not_downloaded_again(tmp_path: Path):
    (tmp_path / "object").write_bytes(DATA)
    source = Source()
    RangedDownload(entry(), tmp_path / "object", source).finish()
    assert source.asked == []


def test_parallel_parts_fit_into_the_memory_of_a_small_function():
    assert ranged_download.PARALLEL * PART_BYTES <= 64 << 20
