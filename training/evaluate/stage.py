"""Evaluate the trained network on the test split, which no earlier stage has used.

    python -m training.evaluate --out OUT

reads OUT/dataset and OUT/fit. It writes to OUT/report: `metrics.json`, charts as PNG files, and `report.html`, which
contains both. The temperature that calibrates the probabilities is fitted on the validation split.
"""

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lambda_app.release.manifest import sha256_of
from lambda_app.search.vectors import unit
from training.dataset import Dataset
from training.evaluate import baseline, teacher, unseen
from training.evaluate.altered_queries import altered_photos, search_with_altered
from training.evaluate.figures import Measured, measure
from training.evaluate.report import charts
from training.evaluate.report.curves import plot_history
from training.evaluate.report.page import Report, write_report
from training.evaluate.report.photos import GalleryPhotos
from training.evaluate.report.pictures import Picture
from training.evaluate.report.rendering import appearance
from training.evaluate.same_photo import judge_same_photo
from training.metrics import retrieval
from training.network.cached import features_of_kept
from training.network.embedding_net import EmbeddingNet
from training.network.forward import Outputs
from training.network.pooled import outputs_from, outputs_of
from training.network.weights import load_weights
from training.pipeline.commands import CommandParser, add_work_folder
from training.pipeline.disk import reserve
from training.pipeline.files import write_json
from training.pipeline.progress import track
from training.pipeline.provenance import code, device_name, versions
from training.pipeline.stages import run_stage
from training.pipeline.work_folder import WorkFolder

_BATCH = 64


def run(work: WorkFolder, data: Path | None = None) -> bool:
    """Run the stage, unless the last run evaluated the same weights on the same dataset. Returns whether it ran.

    Args:
        data: see `judge`.
    """
    dataset = Dataset.open(work.dataset)
    # Templates and style sheet are separate inputs, because the stage's digest of its code covers only Python files.
    inputs = {
        "dataset": dataset.training_digest,
        "weights": sha256_of(work.weights),
        "appearance": appearance(),
        **baseline.inputs_of(work),
        **teacher.inputs_of(work),
    }
    outputs = [work.report / name for name in ("metrics.json", "report.html", "reliability.png")]
    return run_stage(work, "evaluate", inputs, outputs, lambda: evaluate(dataset, work, data))


def evaluate(dataset: Dataset, work: WorkFolder, data: Path | None = None) -> dict[str, Any]:
    """Compute the metrics and write the report. Returns the content of `metrics.json`."""
    work.report.mkdir(parents=True, exist_ok=True)
    found = judge(dataset, work, data)
    _report(dataset, work, found)
    write_json(work.report / "metrics.json", found.figures)
    return found.figures


def judge(dataset: Dataset, work: WorkFolder, data: Path | None = None) -> Measured:
    """Compute the metrics of the best weights of the run.

    Args:
        data: the folder from which the dataset was prepared, whose photos `judge_same_photo` alters.
    """
    model, categories = load_weights(work.weights)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    features, count = features_of_kept(work, dataset), len(dataset.photos)
    with (
        tempfile.TemporaryDirectory(dir=work.root, prefix=".outputs-") as folder,
        outputs_of(model, dataset, device, altered_photos(dataset) + (count if features is None else 0)) as forward,
    ):
        batches = (slice(start, min(start + _BATCH, count)) for start in range(0, count, _BATCH))
        outputs = in_files(
            model,
            (
                forward(dataset.photos[rows]) if features is None else outputs_from(model, features[rows])
                for rows in batches
            ),
            count,
            Path(folder),
        )
        found = measure(dataset, outputs, categories)
        found.figures["baseline"] = baseline.compare(work, dataset, outputs)
        found.figures["teacher"] = teacher.compare(work, dataset, outputs)
        found.figures["unseen"] = unseen.compare(work, dataset)
        found.figures["same_photo"] = judge_same_photo(dataset, data)
        limit = found.figures["same_photo"]["threshold"]
        found.figures["alterations"] = search_with_altered(forward, dataset, outputs, limit)
    found.figures.update(
        dataset=dataset.digest,
        weights=sha256_of(work.weights),
        device=device_name(device),
        versions=versions(),
        code=code(),
    )
    return found


def in_files(model: EmbeddingNet, parts: Iterable[Outputs], count: int, folder: Path) -> Outputs:
    """The network's outputs for all photos, as memory-mapped files in `folder`. All but the logits are L2-normalised.

    Memory use does not depend on the number of photos.

    Args:
        parts: the outputs, batch by batch, in the order of the rows.
        count: number of photos.
    """

    def mapped(name: str, width: int) -> npt.NDArray[np.float32]:
        array = np.lib.format.open_memmap(folder / name, "w+", np.float32, (count, width))
        reserve(folder / name)
        return array

    outputs = Outputs(
        mapped("logits.npy", model.classifier.out_features),
        mapped("embedding.npy", model.embedding.out_features),
        mapped("pooled.npy", model.width),
    )
    for number, part in enumerate(track(parts, -(-count // _BATCH), "evaluate", "batch")):
        rows = slice(number * _BATCH, number * _BATCH + len(part.logits))
        outputs.logits[rows] = part.logits
        outputs.embedding[rows] = part.embedding
        outputs.pooled[rows] = unit(part.pooled)
    return outputs


def draw(figures: Mapping[str, Any], history: Sequence[Mapping[str, Any]], best_epoch: int) -> dict[str, Picture]:
    """The charts of the metrics and of the run's epochs, by file name.

    Args:
        figures: the content of `metrics.json`.
        history: the content of `history.json`.
        best_epoch: the epoch with the exported weights.
    """
    test, reliability = figures["test"], figures["calibration"]
    ranks = "recall" if test["retrieval"]["embedding"]["recall@4"] is not None else "category_precision"
    pictures = [
        *plot_history(history, best_epoch),
        charts.plot_confusion(test["confusion"], figures["categories"]),
        charts.plot_per_category(test["per_category"]),
        charts.plot_reliability(reliability["before"], reliability["after"]),
        charts.plot_retrieval(test["retrieval"], [f"{ranks}@{k}" for k in retrieval.RANKS]),
    ]
    return {picture.name: picture for picture in pictures}


def _report(dataset: Dataset, work: WorkFolder, found: Measured) -> None:
    fitted = json.loads((work.fit / "fit.json").read_bytes())
    history = json.loads((work.fit / "history.json").read_bytes())
    pictures = draw(found.figures, history, fitted["best_epoch"])
    for picture in pictures.values():
        picture.save(work.report)
    report = Report(
        figures=found.figures,
        run=fitted,
        history=history,
        prepared=dataset.summary,
        pictures=pictures,
        gallery=found.gallery,
        photos=GalleryPhotos(dataset, found.gallery),
    )
    write_report(work.report / "report.html", report)


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m training.evaluate`."""
    parser = CommandParser(prog="python -m training.evaluate", description=__doc__.partition("\n")[0])
    add_work_folder(parser)
    run(WorkFolder(parser.parse_args(argv).out))
