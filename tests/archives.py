"""Release archives for drops: valid ones, and damaged copies of them."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np

from lambda_app.release.archive import write_archive
from lambda_app.release.manifest import Manifest, file_entry
from tests.releases import DIM, build_release, write_index


def build_archive(folder: Path, name: str = "release.tar", **options) -> tuple[Path, Manifest]:
    """Build a release into `folder` by `build_release(**options)`, and its archive `name` in the same folder."""
    manifest = build_release(folder, **options)
    return write_archive(folder / name, manifest, folder), manifest


def rewritten(archive: Path, **members: bytes) -> Path:
    """A copy with some members replaced; keywords are the members' names with `__` instead of the dot."""
    changed = {name.replace("__", "."): data for name, data in members.items()}
    target = archive.with_name("rewritten.tar")
    with tarfile.open(archive) as old, tarfile.open(target, "w") as new:
        for member in old:
            source = old.extractfile(member)
            data = changed.get(member.name) or (source.read() if source else b"")
            member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    return target


def truncated(archive: Path) -> Path:
    """An incomplete upload."""
    return _written(archive.with_name("truncated.tar"), archive.read_bytes()[:4000])


def with_a_flipped_byte(archive: Path) -> Path:
    """One bit of the vectors in the index is flipped."""
    data = bytearray(archive.read_bytes())
    data[data.index(b"IxFI") + 500] ^= 1
    return _written(archive.with_name("flipped.tar"), bytes(data))


def with_a_wrong_checksum(archive: Path) -> Path:
    """The manifest has a wrong sha256 for the index."""
    manifest = _manifest(archive)
    manifest["index"]["sha256"] = "0" * 64
    return rewritten(archive, manifest__json=json.dumps(manifest).encode())


def with_a_foreign_index(archive: Path) -> Path:
    """The vectors of the index have another dimension than those of the model; every checksum is right."""
    manifest, index = _manifest(archive), archive.with_name("foreign.faiss")
    vectors = np.eye(manifest["index"]["count"], DIM // 2, dtype=np.float32)
    write_index(index, vectors)
    manifest["index"] |= {**file_entry(index), "file": "index.faiss"}
    return rewritten(archive, manifest__json=json.dumps(manifest).encode(), index__faiss=index.read_bytes())


def with_a_climbing_path(archive: Path) -> Path:
    """A member whose path is outside the folder that the archive is unpacked into."""
    target = _written(archive.with_name("climbing.tar"), archive.read_bytes())
    with tarfile.open(target, "a") as tar:
        member = tarfile.TarInfo("../escaped")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    return target


def with_a_low_accuracy(archive: Path) -> Path:
    """The manifest has a test accuracy and recall@4 of 0.5."""
    manifest = _manifest(archive)
    manifest["evaluation"]["test"] = {"accuracy": 0.5, "retrieval": {"embedding": {"recall@4": 0.5}}}
    return rewritten(archive, manifest__json=json.dumps(manifest).encode())


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _manifest(archive: Path) -> dict:
    with tarfile.open(archive) as tar:
        source = tar.extractfile("manifest.json")
        assert source is not None
        return json.load(source)
