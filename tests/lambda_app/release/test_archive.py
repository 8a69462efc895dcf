import gzip
import io
import shutil
import tarfile
import tracemalloc
from pathlib import Path
from typing import Literal

import pytest

from lambda_app.errors import ReleaseError, ScratchSpaceError, UnknownFormatError
from lambda_app.release.archive import ArchiveLimits, unpack, write_archive
from lambda_app.release.manifest import verify_file
from tests.lambda_app.conftest import BuiltRelease

Member = tuple[str | tarfile.TarInfo, bytes]
Mode = Literal["w", "w:gz"]


def tar_of(path: Path, members: list[Member], mode: Mode = "w") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize("name", ["release.tar", "release.tar.gz"])
def test_an_archive_unpacks_to_what_was_packed(tmp_path: Path, built: BuiltRelease, name: str):
    folder = tmp_path / "folder"
    folder.mkdir()
    for entry in built.manifest.files():
        (folder / entry.file).write_bytes((built.folder / entry.file).read_bytes())
    (folder / "report" / "plots").mkdir(parents=True)
    (folder / "report" / "plots" / "loss.png").write_bytes(b"picture")
    (folder / "scratch.txt").write_text("left out")
    archive = write_archive(tmp_path / name, built.manifest, folder)

    assert unpack(archive, tmp_path / "out") == built.manifest
    for entry in built.manifest.files():
        verify_file(tmp_path / "out" / entry.file, entry)
    assert (tmp_path / "out/report/plots/loss.png").read_bytes() == b"picture"
    assert not (tmp_path / "out/scratch.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["folder", "out", name])
    with tarfile.open(archive) as tar:
        assert {(member.uname, member.uid) for member in tar} == {("", 0)}


def test_files_that_the_store_may_hold_can_be_left_out(tmp_path: Path, built: BuiltRelease):
    archive = tar_of(tmp_path / "a.tar", [("./manifest.json", built.manifest.to_json())])
    assert unpack(archive, tmp_path / "out") == built.manifest


def test_files_that_are_not_wanted_are_read_and_not_written(tmp_path: Path, built: BuiltRelease):
    archive = write_archive(tmp_path / "a.tar.gz", built.manifest, built.folder)
    assert unpack(archive, tmp_path / "out", wanted=lambda name: name.endswith(".onnx")) == built.manifest
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"manifest.json", built.manifest.model.file}
    verify_file(tmp_path / "out" / built.manifest.model.file, built.manifest.model)


@pytest.mark.parametrize(
    ("member", "says"),
    [
        (("../model.onnx", b"x"), "unsafe path"),
        (("report/../../x", b"x"), "unsafe path"),
        (("/etc/passwd", b"x"), "unsafe path"),
        (("report\\x", b"x"), "unsafe path"),
        (("folder/model.onnx", b"x"), "is in a folder"),
        (("report/a/b/c/d", b"x"), "is in a folder"),
        (("stranger.bin", b"x"), "stranger.bin, which its manifest does not name"),
        ((special("model.onnx", tarfile.SYMTYPE, "/etc/passwd"), b""), "link or a device"),
        ((special("model.onnx", tarfile.LNKTYPE, "manifest.json"), b""), "link or a device"),
        ((special("model.onnx", tarfile.FIFOTYPE), b""), "link or a device"),
        ((special("model.onnx", tarfile.CHRTYPE), b""), "link or a device"),
        (("manifest.json", b"{}"), "manifest.json twice"),
    ],
)
def test_an_unsafe_member_is_refused(tmp_path: Path, built: BuiltRelease, member: Member, says: str):
    archive = tar_of(tmp_path / "a.tar", [("manifest.json", built.manifest.to_json()), member])
    with pytest.raises(ReleaseError, match=says):
        unpack(archive, tmp_path / "deep" / "out")
    assert not (tmp_path / "deep" / "model.onnx").exists()
    assert not list(tmp_path.rglob("x"))


def test_folders_in_an_archive_are_passed_over(tmp_path: Path, built: BuiltRelease):
    members: list[Member] = [("manifest.json", built.manifest.to_json()), (special("report", tarfile.DIRTYPE), b"")]
    assert unpack(tar_of(tmp_path / "a.tar", members), tmp_path / "out") == built.manifest


def test_an_archive_without_manifest_is_refused(tmp_path: Path):
    with pytest.raises(ReleaseError, match=r"no manifest.json at its root"):
        unpack(tar_of(tmp_path / "a.tar", [("model.onnx", b"x")]), tmp_path / "out")


def test_a_manifest_of_another_format_is_refused(tmp_path: Path):
    with pytest.raises(UnknownFormatError):
        unpack(tar_of(tmp_path / "a.tar", [("manifest.json", b'{"format": 3}')]), tmp_path / "out")


@pytest.mark.parametrize(
    "data", [b"", b"not a tar at all" * 100, gzip.compress(b"no tar inside")], ids=["empty", "junk", "gzipped junk"]
)
def test_what_is_not_a_tar_is_refused(tmp_path: Path, data: bytes):
    archive = tmp_path / "a.tar"
    archive.write_bytes(data)
    with pytest.raises(ReleaseError):
        unpack(archive, tmp_path / "out")


def test_a_wrong_checksum_of_gzip_is_noticed(tmp_path: Path, built: BuiltRelease):
    data = bytearray(gzip.compress(write_archive(tmp_path / "a.tar", built.manifest, built.folder).read_bytes()))
    data[-8] ^= 1  # the last 8 bytes are checksum and length
    (tmp_path / "a.tar.gz").write_bytes(data)
    with pytest.raises(ReleaseError, match="not a readable tar archive: CRC check failed"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out")


def test_what_follows_the_last_member_is_read_up_to_a_limit(tmp_path: Path, built: BuiltRelease):
    data = write_archive(tmp_path / "a.tar", built.manifest, built.folder).read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(data + bytes(500_000)))
    assert unpack(tmp_path / "a.tar.gz", tmp_path / "out") == built.manifest
    (tmp_path / "b.tar.gz").write_bytes(gzip.compress(data + bytes(2_000_000)))
    with pytest.raises(ReleaseError, match=r"b.tar.gz has more than 1,048,576 bytes after its last member"):
        unpack(tmp_path / "b.tar.gz", tmp_path / "again")


@pytest.mark.parametrize("kept", [600, 1500])
def test_a_truncated_archive_is_refused(tmp_path: Path, built: BuiltRelease, kept: int):
    archive = write_archive(tmp_path / "a.tar.gz", built.manifest, built.folder)
    archive.write_bytes(archive.read_bytes()[:kept])
    with pytest.raises(ReleaseError, match="not a readable tar"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_sizes_are_capped(tmp_path: Path, built: BuiltRelease, mode: Mode):
    archive = tar_of(tmp_path / "a.tar", [("model.onnx", bytes(100_000)), ("index.faiss", bytes(100_000))], mode)
    with pytest.raises(ReleaseError, match=r"index.faiss.*100,000 bytes; the remaining limit is 50,000"):
        unpack(archive, tmp_path / "out", ArchiveLimits(total_bytes=150_000))
    archive = tar_of(tmp_path / "b.tar", [("manifest.json", bytes(1001))], mode)
    with pytest.raises(ReleaseError, match="the remaining limit is 1,000"):
        unpack(archive, tmp_path / "out", ArchiveLimits(manifest_bytes=1000))


def test_the_number_of_members_is_capped(tmp_path: Path, built: BuiltRelease):
    members: list[Member] = [(f"report/{number}", b"") for number in range(5)]
    with pytest.raises(ReleaseError, match="more than 4 members"):
        unpack(tar_of(tmp_path / "a.tar", members), tmp_path / "out", ArchiveLimits(members=4))


def test_an_archive_at_its_limits_is_unpacked(tmp_path: Path, built: BuiltRelease):
    manifest = built.manifest.to_json()
    archive = tar_of(tmp_path / "a.tar", [("manifest.json", manifest), ("report/a/b/c.png", b"picture")])
    limits = ArchiveLimits(total_bytes=len(manifest) + 7, manifest_bytes=len(manifest), members=2)
    assert unpack(archive, tmp_path / "out", limits) == built.manifest
    assert (tmp_path / "out/report/a/b/c.png").read_bytes() == b"picture"


def test_a_manifest_counts_in_the_total(tmp_path: Path, built: BuiltRelease):
    manifest = built.manifest.to_json()
    archive = tar_of(tmp_path / "a.tar", [("manifest.json", manifest)])
    with pytest.raises(ReleaseError, match=f"remaining limit is {len(manifest) - 1:,}"):
        unpack(archive, tmp_path / "out", ArchiveLimits(total_bytes=len(manifest) - 1))


def test_modes_in_an_archive_do_not_depend_on_who_packed(tmp_path: Path, built: BuiltRelease):
    folder = tmp_path / "folder"
    (folder / "report").mkdir(parents=True)
    for entry in built.manifest.files():
        (folder / entry.file).write_bytes((built.folder / entry.file).read_bytes())
        (folder / entry.file).chmod(0o600)
    (folder / "report").chmod(0o700)
    with tarfile.open(write_archive(tmp_path / "a.tar", built.manifest, folder)) as tar:
        assert {member.name: member.mode for member in tar} == {
            **{entry.file: 0o644 for entry in built.manifest.files()},
            "manifest.json": 0o644,
            "report": 0o755,
        }


def test_a_manifest_has_at_most_a_mebibyte(tmp_path: Path):
    archive = tar_of(tmp_path / "a.tar.gz", [("manifest.json", b" " * (1 << 20) + b"{")], "w:gz")
    with pytest.raises(ReleaseError, match=r"manifest.json in the archive has 1,048,577 bytes; .* limit is 1,048,576"):
        unpack(archive, tmp_path / "out")


def header(name: str, kind: bytes, size: int) -> bytes:
    info = special(name, kind)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def zeros(file: gzip.GzipFile, size: int) -> None:
    for _ in range(size >> 20):
        file.write(bytes(1 << 20))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_huge_header_is_refused_before_it_is_read(tmp_path: Path, kind: bytes):
    archive = tmp_path / "a.tar.gz"
    with gzip.open(archive, "wb", compresslevel=1) as file:
        file.write(header("x", kind, 256 << 20))
        zeros(file, 256 << 20)
    tracemalloc.start()
    with pytest.raises(ReleaseError, match="headers of more than 65,536 bytes before a file"):
        unpack(archive, tmp_path / "out")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_a_sparse_map_without_end_is_refused(tmp_path: Path):
    """A sparse file's map stands in its content and is read as a list of numbers."""
    pax = b"".join(
        f"{len(line) + len(str(len(line) + 4)) + 2} {line}\n".encode()
        for line in ("GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=model.onnx")
    )
    archive = tmp_path / "a.tar.gz"
    with gzip.open(archive, "wb", compresslevel=1) as file:
        file.write(header("x", tarfile.XHDTYPE, len(pax)) + pax.ljust(512, b"\0"))
        file.write(header("model.onnx", tarfile.REGTYPE, 64 << 20))
        file.write(b"99999999\n")
        for _ in range(64):
            file.write(b"0\n" * (1 << 19))
    with pytest.raises(ReleaseError, match="headers of more than 65,536 bytes"):
        unpack(archive, tmp_path / "out")


def test_headers_as_tar_programs_write_them_are_read(tmp_path: Path, built: BuiltRelease):
    archive = tmp_path / "a.tar"
    name = f"report/{'p' * 90}/{'q' * 90}.png"
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for member, data in (("manifest.json", built.manifest.to_json()), (name, b"picture")):
            info = tarfile.TarInfo(member)
            info.size, info.mtime, info.pax_headers = len(data), 1.5, {"comment": "x" * 10_000}
            tar.addfile(info, io.BytesIO(data))
    assert unpack(archive, tmp_path / "out") == built.manifest
    assert (tmp_path / "out" / name).read_bytes() == b"picture"


@pytest.mark.parametrize("headers", [{"size": "-1"}, {"size": "x"}, {"path": "a\0b"}, {"mtime": "nan"}])
def test_senseless_headers_are_refused_or_harmless(tmp_path: Path, built: BuiltRelease, headers: dict[str, str]):
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("manifest.json")
        info.size, info.pax_headers = 100, headers
        tar.addfile(info, io.BytesIO(bytes(100)))
    with pytest.raises(ReleaseError):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("mode", ["w:bz2", "w:xz"])
def test_other_compressions_are_refused(tmp_path: Path, mode: Literal["w:bz2", "w:xz"]):
    with tarfile.open(tmp_path / "a.tar", mode) as tar:
        tar.addfile(tarfile.TarInfo("manifest.json"))
    with pytest.raises(ReleaseError, match="not a readable tar"):
        unpack(tmp_path / "a.tar", tmp_path / "out")


def test_a_full_disk_is_a_fault_and_no_fault_of_the_archive(tmp_path: Path, built: BuiltRelease):
    archive = write_archive(tmp_path / "a.tar", built.manifest, built.folder)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model.onnx").symlink_to("/dev/full")
    with pytest.raises(ScratchSpaceError, match=r"the scratch disk is full while a.tar is unpacked.*-c storage="):
        unpack(archive, tmp_path / "out")
    assert not issubclass(ScratchSpaceError, ReleaseError)


@pytest.mark.parametrize(("mode", "needs"), [("w", "a.tar needs"), ("w:gz", "model.onnx needs")])
def test_space_is_checked_before_bytes_are_written(
    tmp_path: Path, built: BuiltRelease, monkeypatch: pytest.MonkeyPatch, mode: Mode, needs: str
):
    archive = tar_of(tmp_path / "a.tar", [("model.onnx", bytes(3 << 20))], mode)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10 << 20, 9 << 20, 1 << 20))
    with pytest.raises(ScratchSpaceError, match=rf"{needs} [34] MB of scratch disk; 1 MB are free; .*-c storage=<MB>"):
        unpack(archive, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_archive_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(ReleaseError, match=r"gone\.tar is not a readable tar archive: .*No such file"):
        unpack(tmp_path / "gone.tar", tmp_path / "out")
