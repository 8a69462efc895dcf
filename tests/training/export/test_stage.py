import json

import numpy as np
import onnx
import pytest

from lambda_app.errors import SettingsError
from lambda_app.model.session import Model
from lambda_app.release.manifest import sha256_of
from training.export import stage as export
from training.export.settings import ExportSettings
from training.export.stage import compare


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


def test_a_model_passes_the_gate_against_itself(trained, small_dataset):
    model = Model(trained.float32)
    gate = compare(small_dataset, model, model, small_dataset.rows("validation"))
    assert gate.passed
    assert (gate.agreement, gate.accuracy_drop, gate.recall4_drop) == (1.0, 0.0, 0.0)


def test_a_model_with_other_answers_fails_the_gate(trained, small_dataset, tmp_path):
    spoilt = onnx.load(trained.float32)
    (bias,) = [tensor for tensor in spoilt.graph.initializer if tensor.name == "classifier.bias"]
    bias.CopyFrom(onnx.numpy_helper.from_array(np.linspace(0, 50, 13, dtype=np.float32), bias.name))
    onnx.save(spoilt, tmp_path / "spoilt.onnx")
    reference = Model(trained.float32)
    gate = compare(small_dataset, reference, Model(tmp_path / "spoilt.onnx"), small_dataset.rows("validation"))
    assert not gate.passed
    assert gate.agreement < 0.99
    assert gate.recall4_drop == 0.0


def test_without_pairs_the_gate_judges_only_the_answers(trained, small_dataset):
    model = Model(trained.float32)
    _, first = np.unique(small_dataset.product, return_index=True)
    gate = compare(small_dataset, model, model, first)
    assert gate.recall4_drop is None
    assert gate.passed


def test_an_unknown_precision_is_refused():
    with pytest.raises(SettingsError, match="precision is 'int4'; it may be auto, int8, float32"):
        ExportSettings(precision="int4")  # type: ignore[arg-type]
