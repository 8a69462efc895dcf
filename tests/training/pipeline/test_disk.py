import errno
import sqlite3

import numpy as np
import pytest

from training.errors import DiskFullError
from training.pipeline.disk import check_space, reserve, writing

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "error",
    [
        FULL,
        OSError(errno.EFBIG, "File too large"),
        sqlite3.OperationalError("database or disk is full"),
        RuntimeError("PytorchStreamWriter failed writing file data/0"),
    ],
)
def test_a_full_disk_is_one_line_with_the_file_and_the_bytes(tmp_path, error):
    path = tmp_path / "photos.npy"
    path.write_bytes(b"x" * 1234)
    with (
        pytest.raises(
            DiskFullError, match=r"photos\.npy cannot grow beyond 1,234 bytes: .*; [0-9,]+ bytes are free"
        ) as caught,
        writing(path),
    ):
        raise error
    assert "\n" not in str(caught.value)


def test_a_real_full_device_is_named(tmp_path):
    path = tmp_path / "out"
    path.symlink_to("/dev/full")
    with pytest.raises(DiskFullError, match="out cannot grow beyond 0 bytes: No space left on device"), writing(path):
        path.write_bytes(b"x")


def test_in_a_folder_the_file_that_was_written_last_is_named(tmp_path):
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "half.faiss").write_bytes(b"x" * 10)
    with pytest.raises(DiskFullError, match=r"half\.faiss cannot grow beyond 10 bytes"), writing(tmp_path):
        raise FULL


@pytest.mark.parametrize(
    "error", [PermissionError(errno.EACCES, "denied"), RuntimeError("shapes differ"), KeyError("a")]
)
def test_other_errors_pass(tmp_path, error):
    with pytest.raises(type(error)) as caught, writing(tmp_path):
        raise error
    assert caught.value is error


def test_space_is_checked_before_writing(tmp_path):
    check_space(tmp_path / "new" / "a.npy", 1)
    with pytest.raises(
        DiskFullError, match=r"a\.npy needs 1,152,921,504,606,846,976 bytes, and [0-9,]+ bytes are free"
    ):
        check_space(tmp_path / "new" / "a.npy", 2**60)


def test_a_reserved_file_has_all_its_blocks_and_its_content(tmp_path):
    path = tmp_path / "a.npy"
    np.lib.format.open_memmap(path, "w+", np.float32, (1000, 100))
    assert path.stat().st_blocks * 512 < path.stat().st_size
    reserve(path)
    assert path.stat().st_blocks * 512 >= path.stat().st_size
    assert np.load(path).shape == (1000, 100)
