import json
from dataclasses import asdict

import numpy as np
import pytest

from lambda_app.errors import SettingsError
from lambda_app.model.session import Model
from lambda_app.release.manifest import sha256_of
from training.export import stage as export
from training.export.onnx_file import predict
from training.export.settings import ExportSettings
from training.fit import stage as fit
from training.metrics.gate import compare
from training.network.cached import ServedOutputs
from training.pipeline.work_folder import WorkFolder


def measured(work):
    return json.loads((work.export / "export.json").read_bytes())


def test_the_released_weights_are_the_best_ones(trained):
    assert sha256_of(trained.release / "weights.safetensors") == sha256_of(trained.weights)


def test_auto_exports_int8_only_if_its_gate_passes(trained):
    found = measured(trained)
    expected = ("int8", "passed") if found["int8"]["passed"] else ("float32", "reference")
    assert (found["precision"], found["gate"]) == expected
    assert sha256_of(trained.model) == sha256_of(trained.export / f"{found['precision']}.onnx")


def test_a_forced_precision_is_exported_and_marked_as_ungated(trained_copy):
    before = trained_copy.float32.stat().st_mtime_ns
    export.main(["--out", str(trained_copy.root), "--precision", "int8"])
    found = measured(trained_copy)
    assert (
        trained_copy.float32.stat().st_mtime_ns == before
    )  # only the outputs that depend on the precision are made again
    assert (found["precision"], found["gate"]) == ("int8", "ungated")
    assert sha256_of(trained_copy.model) == sha256_of(trained_copy.export / "int8.onnx")


def test_float32_is_exported_without_a_gate(trained_copy):
    export.main(["--out", str(trained_copy.root), "--precision", "float32"])
    found = measured(trained_copy)
    assert (found["precision"], found["gate"]) == ("float32", "reference")
    assert "int8" not in found
    assert sha256_of(trained_copy.model) == sha256_of(trained_copy.float32)


def test_the_outputs_of_the_gate_are_kept_with_the_model_and_the_dataset_they_belong_to(
    trained, small_dataset, tmp_path
):
    int8 = trained.export / "int8.onnx"
    found = ServedOutputs.read(trained.gate, sha256_of(int8), small_dataset)
    assert found is not None
    assert found.rows.tolist() == small_dataset.rows("validation").tolist()
    served = predict(Model(int8), small_dataset, found.rows)
    np.testing.assert_allclose(found.embedding, served.embedding, atol=1e-6)
    expected = predict(Model(trained.float32), small_dataset, found.rows)
    gate = compare(expected, found, small_dataset.category[found.rows], small_dataset.product[found.rows])
    assert measured(trained)["int8"] == asdict(gate)


@pytest.fixture
def frozen(trained, fit_settings, tmp_path):
    """A run with heads on frozen features, exported to float32."""
    work = WorkFolder(tmp_path / "frozen")
    work.root.mkdir()
    work.dataset.symlink_to(trained.dataset)
    fit.run(work, fit_settings.changed(weights=str(trained.weights), freeze="all"))
    export.run(work, ExportSettings(precision="float32"))
    return work


def test_the_float32_outputs_come_from_the_cached_features_only_if_they_are_those_of_the_file(
    frozen, small_dataset, caplog
):
    rows = small_dataset.rows("validation")
    by_file = predict(Model(frozen.float32), small_dataset, rows)
    features = np.load(frozen.features)
    features[rows[0]] *= 1 + 1e-6  # shows which of the two ways was used, and is within the limits
    np.save(frozen.features, features)
    cached = export.float32_outputs(small_dataset, frozen, rows)
    assert not np.array_equal(cached.logits, by_file.logits)
    np.testing.assert_allclose(cached.logits, by_file.logits, atol=1e-4)
    np.testing.assert_allclose(cached.embedding, by_file.embedding, atol=1e-5)
    np.save(frozen.features, features[::-1])
    with caplog.at_level("INFO"):
        other = export.float32_outputs(small_dataset, frozen, rows)
    np.testing.assert_array_equal(other.logits, by_file.logits)
    assert "export: not from the cached features, which give other outputs: the largest difference of" in caplog.text


def test_an_unknown_precision_is_refused():
    with pytest.raises(SettingsError, match="precision is 'int4'; it may be auto, int8, float32"):
        ExportSettings(precision="int4")  # type: ignore[arg-type]
