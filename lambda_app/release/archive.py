"""The release archive: a plain or gzipped tar file. At its root: `manifest.json`, the files that it names, `report/`.

Archives are untrusted input. The members are read one by one, as a stream. Only regular files with expected names are
written. Every size is checked before the copy and again during it, because a gzip bomb declares a wrong size.
"""

import errno
import gzip
import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from lambda_app.errors import ReleaseError, ScratchSpaceError
from lambda_app.release.manifest import MANIFEST, Manifest, read_manifest

REPORT = "report"
_CHUNK = 1 << 20
_MOST_PADDING = 1 << 20  # bytes after the last member; tar fills up its last record of 10,240
# Errors of the machine, not of the archive: another try may succeed.
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_OF_THE_MACHINE = (errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE)
ON_LAMBDA = "; on Lambda, deploy with a larger scratch disk: -c storage=<MB>"


@dataclass(frozen=True)
class ArchiveLimits:
    """Limits for unpacking an archive.

    Attributes:
        total_bytes: of all files together.
        manifest_bytes: of the manifest: with five smoke photos it has 50 KB.
        members: files and folders.
        header_bytes: of what stands between two files. tarfile reads extended headers (pax, GNU) whole into memory.
    """

    total_bytes: int = 8 << 30
    manifest_bytes: int = 1 << 20
    members: int = 2_000
    header_bytes: int = 64 << 10


def write_archive(path: Path, manifest: Manifest, folder: Path) -> Path:
    """Write the archive atomically: to a temporary file in the same folder, which is then renamed to `path`.

    Args:
        path: `.tar`, or `.tar.gz` for a compressed archive.
        manifest: the release's manifest.
        folder: folder with the files that the manifest names, and optionally `report/`.
    """
    partial = path.with_name(f".{path.name}.partial")
    data = manifest.to_json()
    # Prefer a plain tar: weights and vectors hardly compress, and every promotion would spend time on decompression.
    with tarfile.open(partial, "w:gz" if path.suffix == ".gz" else "w") as tar:
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mtime = len(data), int(manifest.created_at.timestamp())
        tar.addfile(info, io.BytesIO(data))
        for entry in manifest.files():
            tar.add(folder / entry.file, entry.file, filter=_without_owner)
        if (folder / REPORT).is_dir():
            tar.add(folder / REPORT, REPORT, filter=_without_owner)
    partial.replace(path)
    return path


def unpack(
    archive: Path,
    into: Path,
    limits: ArchiveLimits = ArchiveLimits(),
    wanted: Callable[[str], bool] = lambda _: True,
) -> Manifest:
    """Unpack a release archive into an empty folder and read its manifest.

    A file that the manifest does not name is an error. A file that it names may be absent: the store may have it.

    Args:
        wanted: which files are written, besides the manifest; by default all.

    Raises:
        ReleaseError: the archive is not a tar, exceeds `limits`, has no manifest, or contains a link, a device, an
            unsafe path (absolute or with `..`), a duplicate name, or a file that the manifest does not name.
        ScratchSpaceError: the disk of `into` has too little space; another try may succeed.
    """
    into.mkdir(parents=True, exist_ok=True)
    written: set[PurePosixPath] = set()
    budget = limits.total_bytes
    with _readable(archive, into, limits) as (tar, source):
        for count in range(limits.members + 1):
            source.header_left = limits.header_bytes
            member = tar.next()
            source.header_left = None
            if member is None:
                break
            if count == limits.members:
                raise ReleaseError(f"the archive has more than {limits.members} members")
            name = _checked_name(member)
            if name is None:
                continue
            if name in written:
                raise ReleaseError(f"the archive holds {name} twice")
            cap = min(budget, limits.manifest_bytes) if str(name) == MANIFEST else budget
            content = tar.extractfile(member)
            if content is None:
                raise ReleaseError(f"{member.name} in the archive is not a regular file")
            keep = str(name) == MANIFEST or wanted(str(name))
            budget -= _copy(content, into / name if keep else None, str(name), member.size, cap)
            written.add(name)
    return _manifest_of(into, written)


class _Source(io.RawIOBase):
    """The bytes of the tar, unzipped if they are zipped; while headers are read, no more than a limit."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file = file
        self._limit = limit
        self.header_left: int | None = None

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        if self.header_left is not None:
            self.header_left -= len(data)
            if self.header_left < -tarfile.RECORDSIZE:  # tarfile reads whole records
                raise ReleaseError(f"the archive has headers of more than {self._limit:,} bytes before a file")
        return data


@contextmanager
def _readable(archive: Path, into: Path, limits: ArchiveLimits) -> Iterator[tuple[tarfile.TarFile, _Source]]:
    """The opened archive. What its bytes make Python's readers raise becomes a ReleaseError, a full disk a fault."""
    try:
        with archive.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not zipped:
                _check_space(into, archive.name, archive.stat().st_size)
            plain: IO[bytes] = gzip.GzipFile(fileobj=file) if zipped else file  # type: ignore[assignment]
            source = _Source(plain, limits.header_bytes)
            source.header_left = limits.header_bytes
            # As a stream: nothing is read twice, and no member can point elsewhere in the archive.
            with tarfile.open(fileobj=source, mode="r|") as tar:
                yield tar, source
            if zipped:
                _read_to_end(source, archive.name)
    except OSError as exc:
        if exc.errno in _NO_SPACE:
            raise ScratchSpaceError(f"the scratch disk is full while {archive.name} is unpacked{ON_LAMBDA}") from exc
        if exc.errno in _OF_THE_MACHINE:
            raise
        raise ReleaseError(f"{archive.name} is not a readable tar archive: {exc}") from exc
    except (tarfile.TarError, EOFError, zlib.error, ValueError, RecursionError, OverflowError) as exc:
        raise ReleaseError(f"{archive.name} is not a readable tar archive: {exc}") from exc


def _read_to_end(source: _Source, name: str) -> None:
    """Read what follows the last member, so that gzip compares its checksum.

    Raises:
        ReleaseError: much follows it.
    """
    source.header_left, left = None, _MOST_PADDING
    while data := source.read(min(left, tarfile.RECORDSIZE)):
        left -= len(data)
        if left <= 0:
            raise ReleaseError(f"{name} has more than {_MOST_PADDING:,} bytes after its last member")


def _manifest_of(folder: Path, written: set[PurePosixPath]) -> Manifest:
    if PurePosixPath(MANIFEST) not in written:
        raise ReleaseError(f"the archive has no {MANIFEST} at its root")
    manifest = read_manifest((folder / MANIFEST).read_bytes())
    named = {entry.file for entry in manifest.files()} | {MANIFEST}
    for name in written:
        if name.parts[0] != REPORT and str(name) not in named:
            raise ReleaseError(f"the archive holds {name}, which its manifest does not name")
    return manifest


def _checked_name(member: tarfile.TarInfo) -> PurePosixPath | None:
    """The checked path of a member; None for a folder, which is created together with its files."""
    if "\\" in member.name or "\0" in member.name or member.name.startswith("/"):
        raise ReleaseError(f"unsafe path in the archive: {member.name!r}")
    name = PurePosixPath(member.name)
    if ".." in name.parts:
        raise ReleaseError(f"unsafe path in the archive: {member.name!r}")
    if member.isdir():
        return None
    if not member.isreg():
        raise ReleaseError(f"{member.name!r} in the archive is a link or a device; only regular files are allowed")
    if not name.parts or (len(name.parts) > 1 and name.parts[0] != REPORT) or len(name.parts) > 4:
        raise ReleaseError(
            f"{member.name!r} is in a folder; files must be at the archive's root or in {REPORT}/, "
            "and at most 3 folders deep"
        )
    return name


def _copy(source: IO[bytes], target: Path | None, name: str, declared: int, cap: int) -> int:
    """Copy a member to a file, or only read it. Returns its bytes."""
    if declared > cap:
        raise ReleaseError(f"{name} in the archive has {declared:,} bytes; the remaining limit is {cap:,}")
    if declared < 0:
        raise ReleaseError(f"{name} in the archive has {declared:,} bytes")
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        _check_space(target.parent, name, declared)
    copied = 0
    with Path(os.devnull).open("wb") if target is None else target.open("wb") as file:
        while chunk := source.read(_CHUNK):
            copied += len(chunk)
            if copied > cap:
                raise ReleaseError(f"{name} in the archive has more bytes than the remaining limit, {cap:,}")
            file.write(chunk)
    return copied


def _check_space(folder: Path, name: str, needed: int) -> None:
    if (free := shutil.disk_usage(folder).free) < needed:
        raise ScratchSpaceError(
            f"{name} needs {-(-needed >> 20):,} MB of scratch disk; {free >> 20:,} MB are free{ON_LAMBDA}"
        )


def _without_owner(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Remove the owner and set fixed modes, so that the archive does not depend on the user who writes it."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o755 if info.isdir() else 0o644
    return info
