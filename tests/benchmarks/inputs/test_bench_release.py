"""Tests of `benchmarks.inputs.bench_release`."""

import json
from datetime import timedelta

import faiss
import pytest

from benchmarks.inputs.bench_release import bench_release, put, write_manifest
from lambda_app.recommendation.live import LiveRelease
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.release.manifest import verify_file
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore

pytestmark = pytest.mark.slow


def test_the_release_loads_and_answers_like_any_other(release, tmp_path):
    store = FolderStore(tmp_path)
    store.write_pointer(put(store, release.folder, release.manifest), None)
    live = LiveRelease(store, Settings(store=str(tmp_path), threads=1)).current()
    assert live.release == release.manifest.release
    assert len(live.recommender.similar_to("image-00000000", SimilarQuery(k=4))) == 4


def test_the_release_is_int8_and_has_the_items_asked_for(release):
    manifest = release.manifest
    assert (manifest.model.precision, manifest.index.count, manifest.catalog.count) == ("int8", 200, 200)
    assert len(manifest.categories) == 13
    assert release.float32.stat().st_size > 3 * manifest.model.bytes


def test_the_baseline_has_the_same_items_and_one_logit_per_category(release):
    labels = json.loads((release.baseline / "labels.json").read_bytes())
    index = faiss.read_index(str(release.baseline / "index.faiss"))
    assert (index.ntotal, len(labels["images"])) == (200, 200)
    assert index.d == len(labels["categories"]) == 13
    assert index.metric_type == faiss.METRIC_L2


def test_an_existing_release_is_reused(release):
    before = (release.folder / "manifest.json").stat().st_mtime_ns
    assert (bench_release(release.folder).folder / "manifest.json").stat().st_mtime_ns == before


def test_a_changed_file_changes_the_name_of_the_release(release, tmp_path):
    for entry in release.manifest.serving_files():
        (tmp_path / entry.file).write_bytes((release.folder / entry.file).read_bytes())
    with (tmp_path / "index.faiss").open("ab") as file:
        file.write(b"more")
    renamed = write_manifest(tmp_path, release.manifest)
    assert renamed.release != release.manifest.release
    assert renamed.created_at - release.manifest.created_at >= timedelta(0)
    for entry in renamed.serving_files():
        verify_file(tmp_path / entry.file, entry)
