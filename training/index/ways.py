"""Three ways to compute the outputs of a network for the photos of a dataset.

The served model is the reference. The trained network in torch is faster on a GPU. Where the backbone was frozen, its
pooled features are there already, and only the heads are computed.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from lambda_app.model.session import Model, ModelOutput
from lambda_app.photo.preprocessing import normalise
from training.dataset import Dataset
from training.network.frozen_heads import FrozenHeads
from training.network.pooled import Features, Photos, by_torch, outputs_from
from training.network.weights import load_weights

Rows = slice | npt.NDArray[np.int64]
Name = Literal["served", "torch", "features"]
Precision = Literal["float32", "bfloat16", "int8"]

BATCH = 64  # photos of a forward pass on a CPU
# Pixels of a forward pass on a GPU: 256 photos of 224 x 224.
_GPU_PIXELS = 256 * 224**2
_HEADS_BATCH = 1_024  # rows of which the heads alone are computed


@dataclass(frozen=True)
class Way:
    """A way to compute the outputs of a network.

    Attributes:
        name: "served", "torch" or "features".
        precision: of the backbone.
        device: where it is computed, such as "cpu" or "cuda".
        outputs: computes the outputs of rows of the dataset.
        classes, dim: number of categories, and dimension d of the embedding.
        batch: rows of a forward pass.
        file: the file that other processes need for it; None: this process computes everything alone.
    """

    name: Name
    precision: Precision
    device: str
    outputs: Callable[[Rows], ModelOutput]
    classes: int
    dim: int
    batch: int
    file: Path | None

    def __str__(self) -> str:
        return {
            "served": "the served model",
            "torch": f"torch on {self.device} in {self.precision}",
            "features": "the cached features",
        }[self.name]


def served(model: Model, dataset: Dataset, path: Path, precision: Precision) -> Way:
    """The served model on the CPU, by the code that serves."""

    def outputs(rows: Rows) -> ModelOutput:
        return model.run(normalise(dataset.photos[rows], dataset.preprocessing))

    return Way("served", precision, "cpu", outputs, model.classes, model.embedding_dim, BATCH, path)


def in_torch(weights: Path, dataset: Dataset, device: torch.device, *, bfloat16: bool) -> Way:
    """The trained network in torch, its heads always in float32.

    Args:
        weights: what `training.network.weights.save_weights` wrote.

    Raises:
        WeightsError: it is another file.
    """
    network, categories = load_weights(weights)
    merged = network.merged()
    forward = by_torch(merged, dataset.preprocessing, device, bfloat16=bfloat16)
    gpu = device.type == "cuda"
    read = _ReadAhead(dataset.photos) if gpu else None

    def outputs(rows: Rows) -> ModelOutput:
        photos = read(rows) if read and isinstance(rows, slice) else dataset.photos[rows]
        found = outputs_from(merged, forward(photos))
        return ModelOutput(found.logits, found.embedding)

    precision: Precision = "bfloat16" if bfloat16 else "float32"
    batch = max(1, _GPU_PIXELS // dataset.preprocessing.size**2) if gpu else BATCH
    dim = network.embedding.out_features
    return Way("torch", precision, device.type, outputs, len(categories), dim, batch, weights)


def from_features(weights: Path, features: Features) -> Way:
    """The heads of the trained network on the cached features of its backbone.

    Args:
        weights: what `training.network.weights.save_weights` wrote.
        features: float32 (n, width), of all photos of the dataset; may be memory-mapped.

    Raises:
        WeightsError: it is another file.
    """
    heads = FrozenHeads.read(weights)

    def outputs(rows: Rows) -> ModelOutput:
        return heads.outputs(np.array(features[rows]))

    classes, dim = (len(heads.state[f"{name}.bias"]) for name in ("classifier", "embedding"))
    return Way("features", "float32", "cpu", outputs, classes, dim, _HEADS_BATCH, None)


class _ReadAhead:
    """Reads the rows that follow while the device computes: the photo cache may be on a slow disk."""

    def __init__(self, photos: Photos) -> None:
        self._photos = photos
        self._reader = ThreadPoolExecutor(1, "read-ahead")
        self._next: tuple[slice, Future[Photos]] | None = None

    def __call__(self, rows: slice) -> Photos:
        expected, self._next = self._next, None
        found = expected[1].result() if expected and expected[0] == rows else self._read(rows)
        following = slice(rows.stop, min(2 * rows.stop - rows.start, len(self._photos)))
        if following.start < following.stop:
            self._next = (following, self._reader.submit(self._read, following))
        return found

    def _read(self, rows: slice) -> Photos:
        return np.array(self._photos[rows])
