"""Export the trained network to the files that serving and later training runs load.

    python -m training.export --out OUT [--precision float32]

reads OUT/dataset and OUT/fit. It writes `model.onnx` and `weights.safetensors` to OUT/release, and the measurements to
OUT/export. The ONNX file is compared with the network on validation photos. int8 is used if it passes its gate, or if
`--precision int8` forces it.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.model.session import Model
from lambda_app.release.manifest import sha256_of
from training.dataset import Dataset
from training.errors import ExportError
from training.export.onnx_file import check_parity, opset_of, predict, write_onnx
from training.export.quantise import quantise
from training.export.settings import ExportSettings
from training.metrics import retrieval
from training.network.weights import load_weights
from training.pipeline.commands import CommandParser, add_settings, add_work_folder, settings_from
from training.pipeline.files import write_json
from training.pipeline.stages import run_stage
from training.pipeline.work_folder import WorkFolder

PARITY_PHOTOS = 32
CALIBRATION_PHOTOS = 128
GATE_PHOTOS = 2_000
# Limits of the gate for int8 on validation photos: share of photos with the same predicted category as float32, and the
# largest drops of accuracy and of recall@4.
MIN_AGREEMENT = 0.99
ACCURACY_DROP = 0.003
RECALL_DROP = 0.005


@dataclass(frozen=True)
class Gate:
    """Comparison of int8 with float32 on validation photos, both run by the serving code.

    Attributes:
        n: number of photos.
        agreement: share of photos with the same predicted category.
        accuracy_drop, recall4_drop: float32 minus int8; `recall4_drop` is None if no product has two photos.
        passed: whether all three are within their limits.
    """

    n: int
    agreement: float
    accuracy_drop: float
    recall4_drop: float | None
    passed: bool


def run(work: WorkFolder, settings: ExportSettings) -> bool:
    """Run the stage, unless the last run exported the same weights with the same settings. Returns whether it ran.

    The export to float32 is a separate stage, so it does not run again if only the precision changed.
    """
    dataset = Dataset.open(work.dataset)
    inputs: dict[str, Any] = {"dataset": dataset.training_digest, "weights": sha256_of(work.weights)}
    outputs = [work.float32, work.export / "parity.json"]
    run_stage(work, "onnx", inputs, outputs, lambda: export_float32(dataset, work))
    inputs["settings"] = settings.as_json()
    outputs = [work.model, work.export / "export.json", work.release / "weights.safetensors"]
    return run_stage(work, "export", inputs, outputs, lambda: export(dataset, work, settings))


def export_float32(dataset: Dataset, work: WorkFolder) -> dict[str, float]:
    """Write the network as a float32 ONNX file. Returns its largest differences from the network.

    Raises:
        ExportError: the outputs of the file differ from those of the network.
    """
    work.export.mkdir(parents=True, exist_ok=True)
    network, _ = load_weights(work.weights)
    write_onnx(network, dataset.preprocessing.size, work.float32)
    parity = check_parity(network, work.float32, dataset, _sample(dataset, ("validation", "train"), PARITY_PHOTOS))
    write_json(work.export / "parity.json", parity)
    return parity


def export(dataset: Dataset, work: WorkFolder, settings: ExportSettings) -> dict[str, Any]:
    """Choose the precision and write the release's model and weights. Returns the measurements."""
    work.release.mkdir(parents=True, exist_ok=True)
    parity = json.loads((work.export / "parity.json").read_bytes())
    measured: dict[str, Any] = {"precision": "float32", "gate": "reference", "parity": parity}
    chosen = work.float32
    if settings.precision != "float32":
        int8 = work.export / "int8.onnx"
        quantise(work.float32, int8, dataset, _sample(dataset, ("train",), CALIBRATION_PHOTOS))
        rows = _sample(dataset, ("validation", "train"), GATE_PHOTOS)
        gate = compare(dataset, Model(work.float32), Model(int8), rows)
        measured["int8"] = asdict(gate)
        if settings.precision == "int8" or gate.passed:
            forced = settings.precision == "int8"
            measured |= {"precision": "int8", "gate": "ungated" if forced else "passed"}
            chosen = int8
    measured["opset"] = opset_of(chosen)
    shutil.copyfile(chosen, work.model)
    shutil.copyfile(work.weights, work.release / "weights.safetensors")
    write_json(work.export / "export.json", measured)
    return measured


def compare(dataset: Dataset, reference: Model, candidate: Model, rows: npt.NDArray[np.int64]) -> Gate:
    """Compare a candidate model with the reference model on these rows of the dataset."""
    expected, found = predict(reference, dataset, rows), predict(candidate, dataset, rows)
    labels = dataset.category[rows]
    _, products = np.unique(dataset.product[rows], return_inverse=True)
    agreement = float(np.mean(expected.logits.argmax(axis=1) == found.logits.argmax(axis=1)))
    accuracy_drop = retrieval.accuracy(expected.logits, labels) - retrieval.accuracy(found.logits, labels)
    recalls = [
        retrieval.retrieval(vectors, products, labels, np.arange(len(rows)))["recall@4"]
        for vectors in (expected.embedding, found.embedding)
    ]
    recall_drop = None if recalls[0] is None else recalls[0] - recalls[1]
    passed = (
        agreement >= MIN_AGREEMENT
        and accuracy_drop <= ACCURACY_DROP
        and (recall_drop is None or recall_drop <= RECALL_DROP)
    )
    return Gate(len(rows), agreement, accuracy_drop, recall_drop, passed)


def _sample(dataset: Dataset, splits: Sequence[str], limit: int) -> npt.NDArray[np.int64]:
    """Up to `limit` rows, evenly spread over the first of these splits that is not empty."""
    rows = next((found for split in splits if len(found := dataset.rows(split))), None)
    if rows is None:
        raise ExportError(f"{dataset.path} has no photos in {', '.join(splits)}")
    if len(rows) <= limit:
        return rows
    return rows[np.linspace(0, len(rows) - 1, limit).astype(np.int64)]


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m training.export`."""
    parser = CommandParser(prog="python -m training.export", description=__doc__.partition("\n")[0])
    add_work_folder(parser)
    add_settings(parser, ExportSettings)
    arguments = parser.parse(argv)
    run(WorkFolder(arguments.out), settings_from(arguments, ExportSettings))
