"""Releases of segments in promotion: tried like any other, with every segment inspected."""

from dataclasses import replace
from pathlib import Path

import pytest

from lambda_app.errors import ReleaseError
from lambda_app.promotion import trial_process
from lambda_app.promotion.promotion import promote_archive
from lambda_app.promotion.publishing import PhotoUpload, publish
from lambda_app.promotion.scratch import keep_only_live
from lambda_app.release.archive import write_archive
from lambda_app.release.manifest import Manifest
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import publish_directly
from tests.segments import Added, added_products, extend_release

SETTINGS = Settings(store="unused", threads=1)


@pytest.fixture
def added(tmp_path: Path, built: BuiltRelease) -> Added:
    return added_products(tmp_path / "photos", built.folder / "model.onnx", 3, seed=7, prefix="new-")


def attempt(folder: Path, manifest: Manifest) -> None:
    trial_process.attempt(manifest, {e.file: folder / e.file for e in manifest.serving_files()}, SETTINGS)


def test_a_sound_release_passes_its_trial(tmp_path: Path, built: BuiltRelease, added: Added):
    manifest = extend_release(tmp_path / "next", built.folder, built.manifest, segments=[added], dead=[3, 41])
    attempt(tmp_path / "next", manifest)


def test_a_release_of_few_live_rows_answers_with_all_of_them(tmp_path: Path, built: BuiltRelease, added: Added):
    smoke = [case for case in built.manifest.smoke if case.neighbour == "000a"]
    manifest = extend_release(
        tmp_path / "next", built.folder, built.manifest, segments=[added], dead=range(2, 46), smoke=smoke
    )
    assert manifest.count == 2
    attempt(tmp_path / "next", manifest)


def test_every_segment_is_inspected(tmp_path: Path, built: BuiltRelease, added: Added):
    bad = Added([replace(item, photo="live.json") for item in added.items], added.vectors)
    manifest = extend_release(tmp_path / "catalog", built.folder, built.manifest, segments=[bad])
    with pytest.raises(ReleaseError, match=r"catalog-1\.sqlite row 0: photo is 'live\.json'"):
        attempt(tmp_path / "catalog", manifest)
    long = Added(added.items, 3 * added.vectors)
    manifest = extend_release(tmp_path / "index", built.folder, built.manifest, segments=[long])
    with pytest.raises(ReleaseError, match=r"index-1\.faiss: the vector of row 0 has length 3"):
        attempt(tmp_path / "index", manifest)


def test_an_image_id_with_two_live_rows_is_refused(tmp_path: Path, built: BuiltRelease, added: Added):
    twice = Added([replace(added.items[0], image_id="003a"), *added.items[1:]], added.vectors)
    manifest = extend_release(tmp_path / "next", built.folder, built.manifest, segments=[twice])
    with pytest.raises(ReleaseError, match="image id '003a' has a live row in segment 0 and another in segment 1"):
        attempt(tmp_path / "next", manifest)
    attempt(tmp_path / "sound", extend_release(tmp_path / "sound", tmp_path / "next", manifest, dead=[6]))


def test_dead_rows_that_do_not_fit_are_refused(tmp_path: Path, built: BuiltRelease):
    manifest = extend_release(tmp_path / "next", built.folder, built.manifest, dead=[3])
    (tmp_path / "next" / "dead.bits").write_bytes(b"\1")
    with pytest.raises(ReleaseError, match="1 bytes; 40 rows need 5"):
        attempt(tmp_path / "next", manifest)


def test_an_archive_of_segments_goes_live(store: FolderStore, tmp_path: Path, built: BuiltRelease, added: Added):
    manifest = extend_release(tmp_path / "next", built.folder, built.manifest, segments=[added], dead=[3])
    for path in (tmp_path / "next").iterdir():  # an archive takes files, not links
        if path.is_symlink() and path.is_file():
            data = path.read_bytes()
            path.unlink()
            path.write_bytes(data)
    archive = write_archive(tmp_path / "next.tar", manifest, tmp_path / "next")
    (tmp_path / "data" / "photos").mkdir(parents=True)
    for path in (tmp_path / "photos").iterdir():
        path.rename(tmp_path / "data" / "photos" / f"new-{path.name}")
    promotion, upload = publish(store, archive, tmp_path / "data", SETTINGS)
    assert promotion.outcome == "live"
    assert upload == PhotoUpload(copied=6, present=40, missing=0)
    assert promote_archive(store, archive, SETTINGS).outcome == "already live"


def test_the_local_copies_of_all_segments_are_kept(tmp_path: Path, built: BuiltRelease, added: Added):
    class Keeping(FolderStore):
        kept: tuple[str, ...] = ()

        def keep_local(self, entries):
            self.kept = tuple(entry.file for entry in entries)

    store = Keeping(tmp_path / "keeping")
    manifest = extend_release(tmp_path / "next", built.folder, built.manifest, segments=[added], dead=[3])
    publish_directly(store, tmp_path / "next", manifest)
    keep_only_live(store)
    files = {"model.onnx", "index.faiss", "catalog.sqlite", "index-1.faiss", "catalog-1.sqlite", "dead.bits"}
    assert set(store.kept) == files
