"""Judge the trained network on the test split, which nothing before has looked at.

    python -m training.evaluate --out OUT

reads OUT/dataset and OUT/fit and writes OUT/report: `metrics.json`, plots and `report.html`. The temperature that
calibrates the probabilities is fitted on the validation split.
"""

import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lambda_app.release import sha256_of
from training import metrics
from training.dataset import Dataset
from training.model import EmbeddingNet
from training.outputs import Outputs, forward_batches
from training.plots import plot_confusion, plot_history, plot_per_category
from training.progress import track
from training.report import write_report
from training.stages import CommandParser, WorkFolder, add_work_folder, report_errors, run_stage, write_json
from training.weights import load_weights

_BATCH = 64


def run(work: WorkFolder) -> bool:
    """The stage: evaluate unless the same weights were evaluated on the same dataset before; whether it ran."""
    dataset = Dataset.open(work.dataset)
    inputs = {"dataset": dataset.digest, "weights": sha256_of(work.weights)}
    outputs = [work.report / "metrics.json", work.report / "report.html"]
    return run_stage(work, "evaluate", inputs, outputs, lambda: evaluate(dataset, work))


def evaluate(dataset: Dataset, work: WorkFolder) -> dict[str, Any]:
    """Measure and report; the content of `metrics.json`."""
    work.report.mkdir(parents=True, exist_ok=True)
    model, categories = load_weights(work.weights)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    with tempfile.TemporaryDirectory(dir=work.root, prefix=".outputs-") as folder:
        figures = _measure(dataset, forward_all(model, dataset, Path(folder)), categories)
    figures |= {"dataset": dataset.digest, "device": _device(device), "versions": _versions()}
    history = json.loads((work.fit / "history.json").read_bytes())
    pictures = plot_history(history, work.report)
    pictures.append(plot_confusion(figures["test"]["confusion"], categories, work.report / "confusion.png"))
    pictures.append(plot_per_category(figures["test"]["per_category"], work.report / "per_category.png"))
    write_report(work.report / "report.html", figures, history, [picture.name for picture in pictures])
    write_json(work.report / "metrics.json", figures)
    return figures


def forward_all(model: EmbeddingNet, dataset: Dataset, folder: Path) -> Outputs:
    """The network's answers for every photo, memory-mapped files in `folder`; logits as they are, the rest of length 1.

    Memory stays flat as photos grow.
    """
    count = len(dataset.photos)

    def mapped(name: str, width: int) -> npt.NDArray[np.float32]:
        return np.lib.format.open_memmap(folder / name, "w+", np.float32, (count, width))

    outputs = Outputs(
        mapped("logits.npy", model.classifier.out_features),
        mapped("embedding.npy", model.embedding.out_features),
        mapped("pooled.npy", model.width),
    )
    batches = forward_batches(model, dataset, np.arange(count), _BATCH)
    for number, part in enumerate(track(batches, -(-count // _BATCH), "evaluate", "batch")):
        rows = slice(number * _BATCH, number * _BATCH + len(part.logits))
        outputs.logits[rows] = part.logits
        outputs.embedding[rows] = part.embedding
        outputs.pooled[rows] = metrics.l2_normalise(part.pooled)
    return outputs


def _measure(dataset: Dataset, outputs: Outputs, categories: Sequence[str]) -> dict[str, Any]:
    test, validation = dataset.rows("test"), dataset.rows("validation")
    labels, logits = dataset.category, outputs.logits
    temperature = metrics.fit_temperature(logits[validation], labels[validation]) if len(validation) else 1.0
    vectors = {
        "embedding": outputs.embedding,
        "logits": metrics.l2_normalise(logits),
        "pooled": outputs.pooled,
    }
    figures = metrics.classification(logits[test], labels[test], categories, temperature)
    figures["retrieval"] = {
        name: metrics.retrieval(vector, dataset.product, labels, test) for name, vector in vectors.items()
    }
    return {
        "test": figures,
        "validation": {
            "n": len(validation),
            "accuracy": metrics.accuracy(logits[validation], labels[validation]) if len(validation) else None,
        },
        "temperature": temperature,
        "gallery": len(dataset.photos),
        "categories": list(categories),
    }


def _device(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m training.evaluate`."""
    parser = CommandParser(prog="python -m training.evaluate", description=__doc__.partition("\n")[0])
    add_work_folder(parser)
    run(WorkFolder(parser.parse_args(argv).out))


if __name__ == "__main__":
    sys.exit(report_errors(main))
