"""Archives that attack whoever unpacks them. The release in them is sound; the tar, the gzip or the manifest is not."""

import bz2
import gzip
import io
import json
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

RELEASE = "20261102-000000-00000000"
MIB = 1 << 20
Member = tuple[str | tarfile.TarInfo, bytes]


class Sound:
    """The parts of a sound archive.

    Attributes:
        files: model, index and catalog by name.
    """

    def __init__(self, folder: Path) -> None:
        """Read them from the folder of a release."""
        self.raw: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes()) | {"release": RELEASE}
        self.raw["created_at"] = "2026-11-02T00:00:00Z"
        self.files = {name: (folder / name).read_bytes() for name in ("model.onnx", "index.faiss", "catalog.sqlite")}

    def manifest(self, **changes: Any) -> bytes:
        """The manifest with other values."""
        return json.dumps(self.raw | changes).encode()

    def members(self) -> list[Member]:
        """Manifest and files."""
        return [("manifest.json", self.manifest()), *self.files.items()]


Attack = Callable[[Sound], bytes]


def tar(members: Iterable[Member], form: int = tarfile.GNU_FORMAT) -> bytes:
    """A plain tar. A member with a TarInfo keeps the size that it says."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as file:
        for name, data in members:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            if isinstance(name, str):
                info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def special(name: str, kind: bytes, link: str = "", size: int = 0, **pax: str) -> tarfile.TarInfo:
    """A member that is no plain file, or whose headers lie."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.pax_headers = kind, link, size, pax
    return info


def negative() -> tarfile.TarInfo:
    """A model whose extended header says that it has -1 bytes."""
    info = special("model.onnx", tarfile.REGTYPE)
    info.pax_headers = {"size": "-1"}
    return info


def beside(*members: Member, form: int = tarfile.GNU_FORMAT) -> Attack:
    """These members behind the sound ones."""
    return lambda sound: tar([*sound.members(), *members], form)


def before(*members: Member, form: int = tarfile.GNU_FORMAT) -> Attack:
    """These members before the sound ones."""
    return lambda sound: tar([*members, *sound.members()], form)


def manifest(data: bytes) -> Attack:
    """Another manifest."""
    return lambda sound: tar([("manifest.json", data), *sound.files.items()])


def changed(**values: Any) -> Attack:
    """A manifest with other values."""
    return lambda sound: tar([("manifest.json", sound.manifest(**values)), *sound.files.items()])


def huge_header(kind: bytes, size: int = 256 * MIB) -> Attack:
    """A header of a quarter of a gigabyte, in a gzip of a quarter of a megabyte."""

    def craft(_: Sound) -> bytes:
        buffer = io.BytesIO()
        with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1) as file:
            file.write(special("x", kind, size=size).tobuf(tarfile.GNU_FORMAT))
            for _block in range(size // MIB):
                file.write(bytes(MIB))
        return buffer.getvalue()

    return craft


def gzip_bomb(sound: Sound) -> bytes:
    """A model of a gigabyte of zeros, in a gzip of a megabyte; the manifest says that it is small."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1) as file:
        file.write(header_and_data("manifest.json", sound.manifest()))
        file.write(special("model.onnx", tarfile.REGTYPE, size=1 << 30).tobuf(tarfile.GNU_FORMAT))
        for _ in range(1024):
            file.write(bytes(MIB))
    return buffer.getvalue()


def header_and_data(name: str, data: bytes) -> bytes:
    """A member as it stands in a tar, filled to whole blocks."""
    blocks = -(-len(data) // tarfile.BLOCKSIZE)
    return special(name, tarfile.REGTYPE, size=len(data)).tobuf() + data.ljust(blocks * tarfile.BLOCKSIZE, b"\0")


def too_large(sound: Sound) -> bytes:
    """A model that should have 9 GiB; the file ends long before."""
    head = special("model.onnx", tarfile.REGTYPE, size=9 << 30).tobuf(tarfile.GNU_FORMAT)
    return header_and_data("manifest.json", sound.manifest()) + head + bytes(MIB)


def wrong_checksum(sound: Sound) -> bytes:
    """The header of the first member has another checksum."""
    data = bytearray(tar(sound.members()))
    data[150] ^= 1
    return bytes(data)


def zip_file(sound: Sound) -> bytes:
    """The files in a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("manifest.json", sound.manifest())
    return buffer.getvalue()


def damaged_gzip(sound: Sound) -> bytes:
    """A gzip with flipped bytes in its middle."""
    data = bytearray(gzip.compress(tar(sound.members())))
    middle = len(data) // 2
    data[middle : middle + 40] = b"\xff" * 40
    return bytes(data)


ATTACKS: dict[str, Attack] = {
    "parent folder": beside(("../escaped", b"evil")),
    "parent within": beside(("report/../../escaped", b"evil")),
    "absolute path": beside(("/tmp/lookalike-escaped", b"evil")),  # noqa: S108
    "backslash": beside(("report\\..\\escaped", b"evil")),
    "strange file": beside(("evil.so", b"evil")),
    "deep folders": beside(("report/a/b/c/d", b"evil")),
    "the same file twice": beside(("model.onnx", b"evil")),
    "two manifests": beside(("manifest.json", b"{}")),
    "symbolic link": before((special("model.onnx", tarfile.SYMTYPE, "/etc/passwd"), b"")),
    "symbolic link of a folder": before((special("report", tarfile.SYMTYPE, "/tmp"), b""), ("report/x", b"evil")),  # noqa: S108
    "hard link": before((special("model.onnx", tarfile.LNKTYPE, "/etc/passwd"), b"")),
    "named pipe": beside((special("report/x", tarfile.FIFOTYPE), b"")),
    "character device": beside((special("report/x", tarfile.CHRTYPE), b"")),
    "block device": beside((special("report/x", tarfile.BLKTYPE), b"")),
    "continuous file": beside((special("report/x", b"Z"), b"")),
    "pax path": before((special("x", tarfile.REGTYPE, path="../escaped"), b""), form=tarfile.PAX_FORMAT),
    "pax path with NUL": before((special("x", tarfile.REGTYPE, path="model.onnx\0.txt"), b""), form=tarfile.PAX_FORMAT),
    "pax link": before((special("x", tarfile.SYMTYPE, "y", linkpath="/etc/passwd"), b""), form=tarfile.PAX_FORMAT),
    "pax size that is negative": before((negative(), b""), form=tarfile.PAX_FORMAT),
    "huge pax header": huge_header(tarfile.XHDTYPE),
    "huge global header": huge_header(tarfile.XGLTYPE),
    "huge name": huge_header(tarfile.GNUTYPE_LONGNAME),
    "huge link name": huge_header(tarfile.GNUTYPE_LONGLINK),
    "gzip bomb": gzip_bomb,
    "very many members": beside(*((f"report/{number}", b"") for number in range(2_500))),
    "a file of 9 GiB": too_large,
    "no manifest": lambda sound: tar(sound.files.items()),
    "manifest in a folder": lambda sound: tar([("release/manifest.json", sound.manifest()), *sound.files.items()]),
    "manifest of 2 MiB": manifest(b"{" + b" " * (2 * MIB) + b"}"),
    "deep manifest": manifest(b"[" * 500_000 + b"]" * 500_000),
    "manifest without end": manifest(b'{"format": 1, "release": "'),
    "manifest of bytes": manifest(bytes(range(256))),
    "manifest with surrogates": manifest(b'{"format": 1, "release": "\\ud800"}'),
    "manifest with a huge number": manifest(b'{"format": ' + b"9" * 100_000 + b"}"),
    "another format": changed(format=2),
    "release id with slashes": changed(release="../../live.json"),
    "release id that is empty": changed(release=""),
    "no categories": changed(categories=[]),
    "negative count": changed(index={"file": "index.faiss", "sha256": "0" * 64, "bytes": -1, "count": -1}),
    "file name with slashes": changed(
        model={"file": "../model.onnx", "sha256": "0" * 64, "bytes": 1, "embedding_dim": 16}
    ),
    "date in the far future": changed(created_at="9999-12-31T23:59:59Z"),
    "date without zone": changed(created_at="2026-11-02T00:00:00"),
    "accuracy that is not a number": changed(evaluation={"test": {"n": 100, "accuracy": float("nan")}}),
    "accuracy of 7": changed(evaluation={"test": {"n": 100, "accuracy": 7}}, force=True),
    "no figures": changed(evaluation={}),
    "empty file": lambda _: b"",
    "random bytes": lambda _: random.Random(0).randbytes(100_000),
    "cut tar": lambda sound: tar(sound.members())[:20_000],
    "cut gzip": lambda sound: gzip.compress(tar(sound.members()))[:5_000],
    "damaged gzip": damaged_gzip,
    "gzip of nothing": lambda _: gzip.compress(b""),
    "gzip within gzip": lambda sound: gzip.compress(gzip.compress(tar(sound.members()))),
    "bzip2": lambda sound: bz2.compress(tar(sound.members())),
    "xz": lambda sound: lzma.compress(tar(sound.members())),
    "zip": zip_file,
    "wrong checksum of a header": wrong_checksum,
}
