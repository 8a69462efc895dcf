"""Scratch folders for drops: removed at the end, swept if their process was killed, and honest about a full disk."""

import errno
import fcntl
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lambda_app.errors import MissingObjectError, ReleaseError, ScratchSpaceError
from lambda_app.release.archive import ON_LAMBDA
from lambda_app.release.manifest import MANIFEST, read_manifest
from lambda_app.store.contract import RELEASES, Store

PREFIX = "lookalike-"
PURPOSES = ("drop", "publish", "trial", "changes", "restore")
# A folder without a lock is that of a killed process, or of one that has just made it and locks it next.
STALE_SECONDS = 3600

log = logging.getLogger(__name__)


@contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """A folder for one piece of work, in the system's temporary folder. Stale folders are swept first.

    Args:
        purpose: one of `PURPOSES`; a part of the folder's name.

    Raises:
        ScratchSpaceError: the disk got full within the block.
    """
    sweep()
    try:
        with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{purpose}-") as name:
            handle = os.open(name, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)  # ends with the process, however it ends
                yield Path(name)
            finally:
                os.close(handle)
    except OSError as exc:
        if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ScratchSpaceError(f"the scratch disk in {tempfile.gettempdir()} is full{ON_LAMBDA}") from exc


def sweep(now: float | None = None) -> list[Path]:
    """Delete the scratch folders that killed processes of this user left behind an hour ago or earlier.

    Args:
        now: seconds since 1970; None: the clock.

    Returns:
        The deleted folders.
    """
    oldest = (time.time() if now is None else now) - STALE_SECONDS
    swept = []
    for purpose in PURPOSES:
        for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}{purpose}-*"):
            # Another process may sweep the same folder.
            with suppress(OSError):
                state = folder.lstat()
                if folder.is_dir() and state.st_uid == os.getuid() and state.st_mtime <= oldest and _unused(folder):
                    shutil.rmtree(folder)
                    log.warning("deleted %s, which a killed process left behind", folder)
                    swept.append(folder)
    return swept


def keep_only_live(store: Store) -> None:
    """Delete local copies of release files, but those of the live release.

    Only for a process that has the local copies to itself, such as the promoter Lambda.

    Raises:
        StoreError: the pointer cannot be read.
    """
    try:
        live = store.read_pointer()
        manifest = read_manifest(store.read(f"{RELEASES}{live.pointer.release}/{MANIFEST}")) if live else None
    except (MissingObjectError, ReleaseError):
        manifest = None
    store.keep_local(manifest.serving_files("faiss") if manifest else ())


def _unused(folder: Path) -> bool:
    handle = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True
