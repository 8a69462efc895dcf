"""Distinguishes failures that a drop caused from failures of this machine or of the store."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from lambda_app.errors import RefusedReleaseError, ReleaseError, SettingsError, StoreError

_MOST_WORDS = 500
# No file of a release can cause these: the disk is full or broken, or the process has no file descriptors left.
_OF_THE_MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EPERM)
}


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turn every failure of the block into a refusal with a message, unless the machine or the store caused it.

    The libraries that open a release (ONNX Runtime, FAISS, SQLite, Pillow) raise nearly anything for crafted bytes. A
    refusal is final and leaves a note. A failure of the machine or the store is raised unchanged, and the drop is
    tried again.

    Raises:
        ReleaseError: raised by the block, or in place of any other exception.
        StoreError, SettingsError, OSError: raised by the block; not caused by the drop.
    """
    try:
        yield
    except (ReleaseError, StoreError, SettingsError):
        raise
    except Exception as exc:
        if isinstance(exc, OSError) and exc.errno in _OF_THE_MACHINE:
            raise
        raise RefusedReleaseError(f"{what} cannot be loaded and tried: {_in_words(exc)}") from exc


def _in_words(error: Exception) -> str:
    """The error's class and message on one line; a MemoryError has no message."""
    text = " ".join(str(error).split())
    return ": ".join(filter(None, (type(error).__name__, text)))[:_MOST_WORDS]
