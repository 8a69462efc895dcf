import json
import shutil

import numpy as np
import pytest

from lambda_app.errors import SettingsError
from lambda_app.model.session import Model
from lambda_app.release.catalog import Catalog
from lambda_app.release.manifest import IndexEntry
from lambda_app.search.faiss_index import VectorIndex
from training.dataset import Dataset
from training.export.onnx_file import predict
from training.index import stage as index
from training.index.settings import IndexSettings


@pytest.fixture(scope="module")
def entry(trained):
    return IndexEntry.model_validate_json((trained.index / "index.json").read_bytes())


def test_rows_of_index_catalog_and_dataset_agree(trained, small_dataset, entry):
    rows = np.arange(len(small_dataset.photos))
    vectors = VectorIndex(trained.release / "index.faiss", entry)
    catalog = Catalog(trained.release / "catalog.sqlite")
    served = predict(Model(trained.model), small_dataset, rows).embedding
    assert entry.count == catalog.count == len(rows)
    for row in (0, 17, len(rows) - 1):
        np.testing.assert_allclose(vectors.vector(row), served[row], atol=1e-5)
    assert [item.image_id for item in catalog.items(rows.tolist())] == list(small_dataset.image_ids)
    catalog.close()


def test_catalog_rows_have_the_listing_and_the_key_of_the_photo(trained, small_dataset):
    catalog = Catalog(trained.release / "catalog.sqlite")
    rows = list(range(len(small_dataset.photos)))
    for item, found in zip(small_dataset.items(), catalog.items(rows), strict=True):
        assert (found.product_id, found.title, found.price, found.location) == (
            item.product_id, item.title, item.price, item.location,
        )  # fmt: skip
        assert found.category == small_dataset.categories[item.category]
        assert found.photo == f"datasets/data/{item.photo}"
    catalog.close()


def test_embeddings_are_stored_next_to_the_index(trained, entry):
    stored = np.load(trained.index / "embeddings.npy")
    assert stored.shape == (entry.count, 256)
    np.testing.assert_allclose(np.linalg.norm(stored, axis=1), 1, atol=1e-5)


def test_kind_and_name_can_be_set(trained_copy):
    index.main(["--out", str(trained_copy.root), "--index", "ivf-int8", "--name", "spring"])
    entry = IndexEntry.model_validate_json((trained_copy.index / "index.json").read_bytes())
    assert entry.type == "ivf-int8"
    catalog = Catalog(trained_copy.release / "catalog.sqlite")
    assert catalog.items([0])[0].photo.startswith("datasets/spring/photos/")
    catalog.close()


def test_the_temperature_changes_the_margins_of_the_smoke_cases(trained_copy):
    assert not index.run(trained_copy, IndexSettings())
    before = json.loads((trained_copy.index / "smoke.json").read_bytes())
    metrics = json.loads((trained_copy.report / "metrics.json").read_bytes())
    (trained_copy.report / "metrics.json").write_text(json.dumps(metrics | {"temperature": 2 * metrics["temperature"]}))
    assert index.run(trained_copy, IndexSettings())
    after = json.loads((trained_copy.index / "smoke.json").read_bytes())
    assert [case["photo"] for case in after] == [case["photo"] for case in before]
    assert sum(case["margin"] for case in after) < sum(case["margin"] for case in before)


def test_an_unknown_kind_is_refused():
    with pytest.raises(SettingsError, match="index is 'hnsw'; it may be auto, flat, ivf-float16, ivf-int8"):
        IndexSettings(index="hnsw")  # type: ignore[arg-type]


@pytest.mark.slow
def test_two_machines_give_the_files_of_one_and_only_the_first_writes(trained, processes, tmp_path):
    """They share no disk: the second machine has only the dataset."""
    first, second = tmp_path / "out-0", tmp_path / "out-1"
    shutil.copytree(trained.root, first)
    shutil.rmtree(first / "index")
    shutil.copytree(trained.dataset, second / "dataset")
    options = ["--out", str(tmp_path / "out-{rank}")]
    ended = [process.wait() for process in processes.start_several(2, "training.index.stage", options)]
    assert [status for status, _ in ended] == [0, 0], ended
    for name in ("logits.npy", "embeddings.npy"):
        one, two = np.load(trained.index / name), np.load(first / "index" / name)
        np.testing.assert_allclose(two, one, atol=1e-6)
    assert json.loads((first / "index" / "index.json").read_bytes())["count"] == len(one)
    assert [path.name for path in second.iterdir()] == ["dataset"]


@pytest.mark.slow
def test_processes_with_different_datasets_are_refused(trained, processes, tmp_path):
    shutil.copytree(trained.root, tmp_path / "out-0")
    shutil.copytree(trained.dataset, tmp_path / "out-1" / "dataset")
    summary = tmp_path / "out-1" / "dataset" / "summary.json"
    digest = Dataset.open(trained.dataset).digest
    summary.write_text(summary.read_text().replace(digest, digest[::-1]))
    options = ["--out", str(tmp_path / "out-{rank}")]
    (first, lost), (second, other) = [
        process.wait() for process in processes.start_several(2, "training.index.stage", options)
    ]
    assert (first, second) == (2, 2)
    assert "error: process 1 of 2 has a different dataset than process 0" in other
    assert "error: process 0 of 2 stops" in lost
