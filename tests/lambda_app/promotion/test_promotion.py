import hashlib
import json
import tarfile
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from lambda_app.errors import (
    MissingObjectError,
    PointerConflictError,
    RefusedReleaseError,
    ReleaseError,
    UnknownFormatError,
)
from lambda_app.promotion.promotion import promote_archive, promote_stored
from lambda_app.promotion.stored import manifest_key, stored_manifest
from lambda_app.release.archive import write_archive
from lambda_app.release.manifest import Manifest, Pointer, file_entry, read_manifest
from lambda_app.settings import Settings
from lambda_app.store.contract import OBJECTS
from lambda_app.store.folder import FolderStore
from tests.archives import build_archive, rewritten, with_a_foreign_index, with_a_wrong_checksum
from tests.releases import CREATED_AT, build_release

pytestmark = pytest.mark.slow  # each promotion starts a process that tries the release

SETTINGS = Settings(store="unused", threads=1)
LATER = CREATED_AT + timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def first(tmp_path: Path, store: FolderStore) -> Manifest:
    archive, manifest = build_archive(tmp_path / "first")
    assert promote_archive(store, archive, SETTINGS).outcome == "live"
    return manifest


def live_pointer(store: FolderStore) -> Pointer:
    live = store.read_pointer()
    assert live is not None
    return live.pointer


def live_release(store: FolderStore) -> str:
    return live_pointer(store).release


def test_first_archive_goes_live_with_all_its_files(store, first):
    pointer = store.read_pointer().pointer
    assert pointer.release == first.release
    assert pointer.previous is None
    assert pointer.high_water == first.created_at
    assert pointer.manifest_sha256 == hashlib.sha256(store.read(manifest_key(first.release))).hexdigest()
    for entry in first.files():
        assert hashlib.sha256(store.read(OBJECTS + entry.sha256)).hexdigest() == entry.sha256


def test_later_archive_takes_over_and_remembers_the_one_before(tmp_path, store, first):
    archive, second = build_archive(tmp_path / "second", seed=1, created_at=LATER)
    assert promote_archive(store, archive, SETTINGS).outcome == "live"
    pointer = store.read_pointer().pointer
    assert (pointer.release, pointer.previous) == (second.release, first.release)


def test_the_same_archive_twice_changes_nothing(tmp_path, store, first):
    before = store.read_pointer()
    assert promote_archive(store, tmp_path / "first" / "release.tar", SETTINGS).outcome == "already live"
    assert store.read_pointer() == before


def test_earlier_archive_is_stored_but_not_live(tmp_path, store, first):
    archive, old = build_archive(tmp_path / "old", seed=1, created_at=CREATED_AT - timedelta(days=1), accuracy=0.1)
    promotion = promote_archive(store, archive, SETTINGS)
    assert promotion.outcome == "superseded"
    assert first.release in promotion.detail
    assert live_release(store) == first.release
    assert stored_manifest(store, old.release) == old


def test_promoting_an_unknown_release_names_it(store, first):
    with pytest.raises(MissingObjectError, match="20000101-000000-00000000"):
        promote_stored(store, "20000101-000000-00000000", SETTINGS)


def test_a_file_that_the_store_holds_may_be_left_out(tmp_path, store, first):
    folder = tmp_path / "second"
    manifest = build_release(folder, created_at=LATER, categories=first.categories)
    (folder / "manifest.json").write_bytes(manifest.to_json())
    thin = tmp_path / "thin.tar"
    with tarfile.open(thin, "w") as tar:
        tar.add(folder / "manifest.json", "manifest.json")
        tar.add(folder / "catalog.sqlite", "catalog.sqlite")
    assert promote_archive(store, thin, SETTINGS).outcome == "live"


def test_a_file_that_is_nowhere_is_named(tmp_path, store):
    build_release(tmp_path / "release")
    thin = tmp_path / "thin.tar"
    with tarfile.open(thin, "w") as tar:
        tar.add(tmp_path / "release" / "manifest.json", "manifest.json")
    with pytest.raises(ReleaseError, match=r"leaves model\.onnx out"):
        promote_archive(store, thin, SETTINGS)


def corrupted(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("name", ["index.faiss", "model.onnx", "catalog.sqlite", "weights.safetensors"])
def test_one_flipped_byte_is_refused(tmp_path, store, first, name):
    weights = tmp_path / "second" / "weights.safetensors"  # never loaded by serving; those who train on need them sound
    weights.parent.mkdir()
    weights.write_bytes(bytes(range(256)))
    archive, second = build_archive(tmp_path / "second", seed=1, created_at=LATER, weights=file_entry(weights))
    data = corrupted((tmp_path / "second" / name).read_bytes())
    with pytest.raises(ReleaseError, match=f"{name} has sha256"):
        promote_archive(store, rewritten(archive, **{name.replace(".", "__"): data}), SETTINGS)
    assert live_release(store) == first.release
    assert not store.exists(manifest_key(second.release))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (with_a_wrong_checksum, r"index\.faiss has sha256 .* the manifest says 00000000"),
        (with_a_foreign_index, "dimensions disagree: the model has 16, the index 8, the manifest 16"),
    ],
)
def test_parts_that_disagree_are_refused(tmp_path, store, first, damage, reason):
    archive, _ = build_archive(tmp_path / "second", seed=1, created_at=LATER)
    with pytest.raises(ReleaseError, match=reason):
        promote_archive(store, damage(archive), SETTINGS)
    assert live_release(store) == first.release


def test_a_release_that_fails_its_smoke_cases_is_refused(tmp_path, store, first):
    folder = tmp_path / "second"
    manifest = build_release(folder, seed=1, created_at=LATER)
    wrong = tuple(
        case.model_copy(update={"category": "Other Goods", "margin": 0.9, "neighbour": "019b"})
        for case in manifest.smoke
    )
    manifest = manifest.model_copy(update={"smoke": wrong})
    archive = write_archive(tmp_path / "second.tar", manifest, folder)
    with pytest.raises(RefusedReleaseError, match="smoke case 1"):
        promote_archive(store, archive, SETTINGS)
    assert live_release(store) == first.release


def test_an_unknown_format_is_refused(tmp_path, store):
    archive, manifest = build_archive(tmp_path / "second")
    raw = json.loads(manifest.to_json()) | {"format": 3}
    with pytest.raises(UnknownFormatError, match="format 3"):
        promote_archive(store, rewritten(archive, manifest__json=json.dumps(raw).encode()), SETTINGS)


def test_keys_of_a_newer_writer_survive(tmp_path, store):
    archive, manifest = build_archive(tmp_path / "second")
    raw = json.loads(manifest.to_json()) | {"future": {"key": 1}}
    promote_archive(store, rewritten(archive, manifest__json=json.dumps(raw).encode()), SETTINGS)
    assert json.loads(store.read(manifest_key(manifest.release)))["future"] == {"key": 1}
    assert read_manifest(store.read(manifest_key(manifest.release))) == manifest


def test_a_release_id_cannot_be_used_for_other_content(tmp_path, store, first):
    archive, _ = build_archive(tmp_path / "second", seed=1, created_at=LATER, release=first.release)
    with pytest.raises(RefusedReleaseError, match="immutable"):
        promote_archive(store, archive, SETTINGS)


def test_a_report_is_stored_beside_the_manifest(tmp_path, store):
    folder = tmp_path / "release"
    manifest = build_release(folder)
    (folder / "report").mkdir()
    (folder / "report" / "metrics.json").write_text("{}")
    promote_archive(store, write_archive(tmp_path / "release.tar", manifest, folder), SETTINGS)
    assert store.read(f"releases/{manifest.release}/report/metrics.json") == b"{}"


def test_several_at_once_leave_the_latest_live(tmp_path, store):
    archives = [
        build_archive(tmp_path / f"release{hour}", seed=hour, created_at=CREATED_AT + timedelta(hours=hour))
        for hour in range(4)
    ]
    failures: list[Exception] = []

    def promote(archive: Path) -> None:
        try:
            promote_archive(store, archive, SETTINGS)
        except Exception as exc:
            failures.append(exc)

    threads = [threading.Thread(target=promote, args=[archive]) for archive, _ in archives]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert live_release(store) == archives[-1][1].release


class Restless(FolderStore):
    """A store whose pointer is always a step ahead of whoever wants to move it."""

    def write_pointer(self, pointer, expected):
        raise PointerConflictError("moved")


def test_a_pointer_that_never_rests_is_reported(tmp_path):
    archive, manifest = build_archive(tmp_path / "release")
    store = Restless(tmp_path / "store")
    with pytest.raises(PointerConflictError, match="could not go live in 10 tries; the last: moved"):
        promote_archive(store, archive, SETTINGS)
    with pytest.raises(PointerConflictError, match="moved 10 times"):
        promote_stored(store, manifest.release, SETTINGS)
