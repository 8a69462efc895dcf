"""What the frozen features of the starting weights give without fine-tuning, beside the network that is served.

Three baselines: the heads that the run trained on the frozen features, a linear probe, and the pooled features as they
are. The stage `fit` left the features and the heads in OUT/frozen.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.release.manifest import sha256_of
from lambda_app.search.vectors import unit
from training.dataset import Dataset
from training.metrics import retrieval
from training.metrics.intervals import mean_difference, mean_interval
from training.metrics.retrieval import Labels
from training.network.forward import Outputs
from training.network.frozen_heads import FrozenHeads
from training.pipeline.disk import reserve
from training.pipeline.work_folder import WorkFolder

SERVED, HEADS, PROBE, POOLED = "served", "heads", "probe", "pooled"
MEASURES = ("accuracy", "recall@1", "recall@4", "category_precision@4", "category_precision@10")
Array = npt.NDArray[np.float32]
# For each metric, its value for each of the photos that are measured, and their products; None if it is not measured.
PerPhoto = dict[str, tuple[npt.NDArray[np.float64], Labels] | None]
_BLOCK = 4096


def inputs_of(work: WorkFolder) -> dict[str, Any]:
    """What the comparison depends on besides the network and the dataset."""
    entry = entry_of(work)
    return {"baseline": entry, "heads": sha256_of(work.heads) if entry["reason"] is None else None}


def compare(work: WorkFolder, dataset: Dataset, served: Outputs) -> dict[str, Any]:
    """The entry `baseline` of `metrics.json`.

    Args:
        served: the outputs of the network that is exported, for all photos.

    Returns:
    `reason` why there is no baseline, or null; `kept`, `criterion`, `scores` and `diverged` of `fit.json`; `test`, for
    each of SERVED, HEADS, PROBE and POOLED the MEASURES and their intervals; and `leads`, the differences between
    SERVED and HEADS on the same photos. Without a baseline, `test` and `leads` are null.
    """
    entry = entry_of(work)
    about = {name: entry.get(name) for name in ("reason", "kept", "criterion", "scores", "diverged")}
    if entry["reason"] is not None:
        return about | {"test": None, "leads": None}
    found = {SERVED: measured(dataset, served.logits, served.embedding)}
    heads, features = FrozenHeads.read(work.heads), np.load(work.features, mmap_mode="r", allow_pickle=False)
    found[HEADS] = measured(dataset, heads.logits(features), heads.embedding(features))
    found[PROBE] = measured(dataset, heads.logits(features, probe=True), None)
    with normalised(features, work.root) as pooled:
        found[POOLED] = measured(dataset, None, pooled)
    leads = {name: lead_of(found[SERVED][name], found[HEADS][name]) for name in MEASURES}
    return about | {"test": {name: figures_of(values) for name, values in found.items()}, "leads": leads}


def in_words(entry: Mapping[str, Any]) -> str:
    """One line: the test figures without fine-tuning, and what the release holds."""
    if entry["reason"] is not None:
        return f"no baseline on frozen features: {entry['reason']}"
    shown = (
        ("accuracy", HEADS, "accuracy"),
        ("recall@4", HEADS, "recall@4"),
        ("category precision@4", HEADS, "category_precision@4"),
        ("accuracy of a linear probe", PROBE, "accuracy"),
        ("category precision@4 of the features", POOLED, "category_precision@4"),
    )
    figures = [f"{name} {_number(entry['test'][model][measure])}" for name, model, measure in shown]
    return f"heads on frozen features: {', '.join(figures)}; the release holds the {entry['kept']} network"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def entry_of(work: WorkFolder) -> Mapping[str, Any]:
    """The entry of `fit.json`; a run of an older version has none."""
    unknown = dict.fromkeys(("kept", "criterion", "scores"))
    entry: Mapping[str, Any] = json.loads((work.fit / "fit.json").read_bytes()).get(
        "baseline", {"reason": "the network was trained by an older version", **unknown}
    )
    if entry["reason"] is None and not (work.heads.is_file() and work.features.is_file()):
        return {**entry, "reason": f"the files of {work.frozen.name} were deleted"}
    return entry


def measured(dataset: Dataset, logits: Array | None, vectors: Array | None) -> PerPhoto:
    """The metrics of each test photo, as a query in the gallery of all photos."""
    test = dataset.rows("test")
    found: PerPhoto = dict.fromkeys(MEASURES)
    if logits is not None and len(test):
        right = np.asarray(logits[test].argmax(axis=1) == dataset.category[test], np.float64)
        found["accuracy"] = right, dataset.product[test]
    if vectors is not None:
        ranking = retrieval.rank(vectors, dataset.product, dataset.category, test)
        for name, values in retrieval.per_query(ranking).items():
            if name in found and values is not None:
                found[name] = values, dataset.product[ranking.queries]
    return found


def figures_of(found: PerPhoto) -> dict[str, Any]:
    """The means of the metrics, and their `intervals`."""
    means = {name: None if entry is None else float(entry[0].mean()) for name, entry in found.items()}
    return means | {"intervals": {name: entry and mean_interval(*entry) for name, entry in found.items()}}


def lead_of(
    first: tuple[npt.NDArray[np.float64], Labels] | None, second: tuple[npt.NDArray[np.float64], Labels] | None
) -> dict[str, Any]:
    """How much higher a metric of the first is on the same photos: `difference` and `interval`, null if unknown."""
    if first is None or second is None:
        return {"difference": None, "interval": None}
    difference, interval = mean_difference(first[0], second[0], first[1])
    return {"difference": difference, "interval": interval}


@contextmanager
def normalised(features: Array, root: Path) -> Iterator[Array]:
    """The features with length 1, in a file, because they may be larger than the memory."""
    with TemporaryDirectory(dir=root, prefix=".pooled-") as folder:
        path = Path(folder) / "pooled.npy"
        found = np.lib.format.open_memmap(path, "w+", np.float32, features.shape)
        reserve(path)
        for start in range(0, len(features), _BLOCK):
            found[start : start + _BLOCK] = unit(features[start : start + _BLOCK])
        yield found
