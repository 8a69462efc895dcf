"""What earlier stages computed for the photos of a dataset, and later stages need again.

A file whose dataset or network is another one is never used, even if it has the right shape.
"""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.dataset import Dataset
from training.network.pooled import Features
from training.pipeline.stages import stage_digest, stage_inputs
from training.pipeline.work_folder import WorkFolder

FROZEN = "frozen"  # what `fit.json` says if the backbone has the starting weights, with heads trained on its features
FEATURES_STAGE = "features"


def features_of_kept(work: WorkFolder, dataset: Dataset) -> Features | None:
    """The pooled features of all photos, memory-mapped, if the network that the run keeps has the backbone of them.

    None if it has another backbone, or if the features are those of another dataset, or were computed again with
    other weights or by other code after the network was trained.
    """
    trained = _read(work.fit / "fit.json").get("baseline", {})
    if trained.get("kept") != FROZEN or stage_digest(work, "fit") is None:
        return None
    own = stage_digest(work, FEATURES_STAGE)
    if own is None or own != trained.get("features"):
        return None
    if stage_inputs(work, FEATURES_STAGE).get("dataset") != dataset.training_digest:
        return None
    try:
        features: Features = np.load(work.features, mmap_mode="r", allow_pickle=False)
    except (OSError, EOFError, ValueError):
        return None
    return features if len(features) == len(dataset.photos) else None


@dataclass(frozen=True)
class ServedOutputs:
    """Outputs of the served model for some photos, computed by the code that serves.

    Attributes:
        rows: int64 (m,), rows of the dataset.
        logits: float32 (m, classes).
        embedding: float32 (m, d), L2-normalised.
    """

    rows: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float32]

    def write(self, path: Path, model: str, dataset: Dataset) -> None:
        """Write them, atomically.

        Args:
            model: SHA-256 of the model's file.
        """
        partial = path.with_name(f".{path.name}.partial")
        belongs = np.array([model, dataset.training_digest])
        with partial.open("wb") as file:
            np.savez(file, belongs=belongs, rows=self.rows, logits=self.logits, embedding=self.embedding)
        partial.replace(path)

    @classmethod
    def read(cls, path: Path, model: str, dataset: Dataset) -> "ServedOutputs | None":
        """The outputs in a file; None if there is none, or if they are those of another model or dataset."""
        try:
            with np.load(path, allow_pickle=False) as file:
                if file["belongs"].tolist() != [model, dataset.training_digest]:
                    return None
                return cls(file["rows"], file["logits"], file["embedding"])
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
            return None


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found
