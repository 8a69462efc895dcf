"""A full disk as one line that names the file and the bytes, whichever library wrote."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import DiskFullError

_CODES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What SQLite, safetensors, torch and FAISS say where they do not raise an OSError.
_WORDS = ("no space left", "file too large", "quota exceeded", "disk is full", "disk i/o error", "failed writing file")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say which file could not be written if the disk is full; other errors pass unchanged.

    Args:
        path: the file that the block writes, or a folder in which it writes several.

    Raises:
        DiskFullError: the disk is full, or the file would exceed a limit on its size.
    """
    try:
        yield
    except DiskFullError:
        raise
    except Exception as exc:
        if not _is_full(exc):
            raise
        raise full_disk(_file_of(exc, path), exc) from exc


def full_disk(path: Path, exc: Exception) -> DiskFullError:
    """The error for a file that cannot be written because the disk is full."""
    reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc).splitlines()[0]
    size = path.stat().st_size if path.is_file() else 0
    return DiskFullError(
        f"{path} cannot grow beyond {size:,} bytes: {reason}; {free_bytes(path):,} bytes are free there"
    )


def check_space(path: Path, needed: int) -> None:
    """Check that a file of this size fits on the disk.

    Raises:
        DiskFullError: it does not fit.
    """
    if needed > (free := free_bytes(path)):
        raise DiskFullError(f"{path} needs {needed:,} bytes, and {free:,} bytes are free there")


def free_bytes(path: Path) -> int:
    """Free bytes on the disk of a file or folder, which need not exist."""
    folder = next(parent for parent in (path, *path.absolute().parents) if parent.is_dir())
    return shutil.disk_usage(folder).free


def reserve(path: Path) -> None:
    """Reserve the whole of a file on the disk before it is written through a memory map.

    Without this, a full disk kills the process (SIGBUS) without an error message.

    Raises:
        DiskFullError: it does not fit.
    """
    with writing(path), path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _is_full(exc: Exception) -> bool:
    if isinstance(exc, OSError) and exc.errno is not None:
        return exc.errno in _CODES
    known = isinstance(exc, OSError | sqlite3.Error | RuntimeError) or type(exc).__name__ == "SafetensorError"
    return known and any(words in str(exc).lower() for words in _WORDS)


def _file_of(exc: Exception, path: Path) -> Path:
    """The file of an error; if the error does not name it, the one in the folder that was written last."""
    if isinstance(exc, OSError) and exc.filename:
        return Path(str(exc.filename))
    if not path.is_dir():
        return path
    return max((file for file in path.rglob("*") if file.is_file()), key=_written_at, default=path)


def _written_at(path: Path) -> int:
    return path.stat().st_mtime_ns
