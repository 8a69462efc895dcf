"""Turn the trained network into the files that serving and later trainings load.

    python -m training.export --out OUT [--precision float32]

reads OUT/dataset and OUT/fit and writes OUT/release: `model.onnx`, `weights.safetensors`, and in OUT/export what was
measured on the way. The ONNX file is compared with the network on real validation photos; int8 ships where it passes
its gate, or where it was asked for.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.model import Model
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
# What int8 may cost on validation photos: share of equal answers, and points of accuracy and of recall@4.
LEAST_AGREEMENT = 0.99
ACCURACY_DROP = 0.003
RECALL_DROP = 0.005


@dataclass(frozen=True)
class Gate:
    """int8 beside float32 on validation photos, both run by the serving code.

    Attributes:
        n: photos compared.
        agreement: share of photos with the same first category.
        accuracy_drop, recall4_drop: float32 minus int8; recall is None where no product has two photos.
        passed: whether all are within their limits.
    """

    n: int
    agreement: float
    accuracy_drop: float
    recall4_drop: float | None
    passed: bool


def run(work: WorkFolder, settings: ExportSettings) -> bool:
    """The stage: export unless the same weights were exported before; whether it ran.

    The float32 file is a stage of its own, so that another precision does not cost another export.
    """
    dataset = Dataset.open(work.dataset)
    inputs: dict[str, Any] = {"dataset": dataset.digest, "weights": sha256_of(work.weights)}
    outputs = [work.float32, work.export / "parity.json"]
    run_stage(work, "onnx", inputs, outputs, lambda: export_float32(dataset, work))
    inputs["settings"] = settings.as_json()
    outputs = [work.model, work.export / "export.json", work.release / "weights.safetensors"]
    return run_stage(work, "export", inputs, outputs, lambda: export(dataset, work, settings))


def export_float32(dataset: Dataset, work: WorkFolder) -> dict[str, float]:
    """Write the network as a float32 ONNX file; how far it is from the network.

    Raises:
        ExportError: the file does not answer as the network does.
    """
    work.export.mkdir(parents=True, exist_ok=True)
    network, _ = load_weights(work.weights)
    write_onnx(network, dataset.preprocessing.size, work.float32)
    parity = check_parity(network, work.float32, dataset, _sample(dataset, ("validation", "train"), PARITY_PHOTOS))
    write_json(work.export / "parity.json", parity)
    return parity


def export(dataset: Dataset, work: WorkFolder, settings: ExportSettings) -> dict[str, Any]:
    """Choose the precision and write the release's model and weights; what was measured."""
    work.release.mkdir(parents=True, exist_ok=True)
    parity = json.loads((work.export / "parity.json").read_bytes())
    measured: dict[str, Any] = {"precision": "float32", "gate": "reference", "parity": parity}
    shipped = work.float32
    if settings.precision != "float32":
        small = work.export / "int8.onnx"
        quantise(work.float32, small, dataset, _sample(dataset, ("train",), CALIBRATION_PHOTOS))
        judged = _sample(dataset, ("validation", "train"), GATE_PHOTOS)
        gate = compare(dataset, Model(work.float32), Model(small), judged)
        measured["int8"] = asdict(gate)
        if settings.precision == "int8" or gate.passed:
            forced = settings.precision == "int8"
            measured |= {"precision": "int8", "gate": "ungated" if forced else "passed"}
            shipped = small
    measured["opset"] = opset_of(shipped)
    shutil.copyfile(shipped, work.model)
    shutil.copyfile(work.weights, work.release / "weights.safetensors")
    write_json(work.export / "export.json", measured)
    return measured


def compare(dataset: Dataset, reference: Model, candidate: Model, rows: npt.NDArray[np.int64]) -> Gate:
    """Whether a candidate answers nearly as the reference does on these rows of the dataset."""
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
        agreement >= LEAST_AGREEMENT
        and accuracy_drop <= ACCURACY_DROP
        and (recall_drop is None or recall_drop <= RECALL_DROP)
    )
    return Gate(len(rows), agreement, accuracy_drop, recall_drop, passed)


def _sample(dataset: Dataset, splits: Sequence[str], most: int) -> npt.NDArray[np.int64]:
    """Up to `most` rows, evenly spread over the first of these splits that is not empty."""
    rows = next((found for split in splits if len(found := dataset.rows(split))), None)
    if rows is None:
        raise ExportError(f"{dataset.path} has no photos in {', '.join(splits)}")
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m training.export`."""
    parser = CommandParser(prog="python -m training.export", description=__doc__.partition("\n")[0])
    add_work_folder(parser)
    add_settings(parser, ExportSettings)
    arguments = parser.parse(argv)
    run(WorkFolder(arguments.out), settings_from(arguments, ExportSettings))
