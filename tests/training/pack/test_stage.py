import json
from datetime import datetime

import pytest

from lambda_app.promotion import smoke_replay
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.recommendation.recommender import load
from lambda_app.release.archive import unpack
from lambda_app.release.manifest import MANIFEST, read_manifest, verify_file
from lambda_app.settings import Settings
from training.pack import stage as pack


@pytest.fixture(scope="module")
def unpacked(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    return folder, unpack(trained.archive, folder)


def test_the_archive_has_every_file_listed_in_its_manifest(unpacked):
    folder, manifest = unpacked
    for entry in manifest.files():
        verify_file(folder / entry.file, entry)
    assert {entry.file for entry in manifest.files()} == {
        "model.onnx", "index.faiss", "catalog.sqlite", "weights.safetensors",
    }  # fmt: skip
    assert (folder / "report" / "report.html").is_file()


def test_the_manifest_has_the_measurements_of_the_stages(trained, unpacked, small_dataset, fit_settings):
    _, manifest = unpacked
    figures = json.loads((trained.report / "metrics.json").read_bytes())
    assert manifest.categories == small_dataset.categories
    assert manifest.snapshot_at == datetime.fromisoformat(small_dataset.summary["snapshot_at"])
    assert manifest.preprocessing == small_dataset.preprocessing
    assert manifest.model.temperature == figures["temperature"]
    assert manifest.model.embedding_dim == 256
    assert manifest.index.count == manifest.catalog.count == len(small_dataset.photos)
    assert manifest.evaluation["test"]["accuracy"] == figures["test"]["accuracy"]
    assert manifest.evaluation["test"]["retrieval"] == figures["test"]["retrieval"]
    assert manifest.evaluation["ranking"] == figures["ranking"]
    assert manifest.ranking.category_weight == figures["ranking"]["category_weight"]
    assert manifest.training["dataset"]["digest"] == small_dataset.digest
    assert manifest.training["fit"]["settings"]["backbone"] == fit_settings.backbone
    assert manifest.training["stage_seconds"].keys() == {
        "features",
        "heads",
        "fit",
        "evaluate",
        "onnx",
        "export",
        "index",
    }
    assert manifest.release.startswith(f"{manifest.created_at:%Y%m%d-%H%M%S}-")
    assert not manifest.force


def test_serving_loads_the_release_and_passes_its_smoke_cases(unpacked, small_dataset):
    folder, manifest = unpacked
    settings = Settings.from_environ({"LOOKALIKE_STORE": str(folder)})
    recommender = load(manifest, lambda entry: folder / entry.file, settings)
    assert len(manifest.smoke) == 5
    assert smoke_replay.replay(recommender, manifest) == []
    image_id = small_dataset.image_ids[4]
    (first, *_) = recommender.similar_to(image_id, SimilarQuery(k=1))
    assert first.item.image_id != image_id
    recommender.close()


def test_a_run_without_changes_keeps_the_release(trained):
    before = (trained.release / MANIFEST).read_bytes()
    pack.main(["--out", str(trained.root)])
    assert (trained.release / MANIFEST).read_bytes() == before


def test_force_is_passed_on_in_the_manifest(trained_copy):
    pack.main(["--out", str(trained_copy.root), "--force", "True"])
    assert read_manifest((trained_copy.release / MANIFEST).read_bytes()).force
