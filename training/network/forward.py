"""Outputs of the trained network for the photos of a dataset, in batches, without gradients."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from lambda_app.photo.rules import Preprocessing
from training.dataset import Dataset
from training.network.embedding_net import EmbeddingNet, device_of
from training.network.input import to_input


@dataclass(frozen=True)
class Outputs:
    """Outputs for n photos.

    Attributes:
        logits: float32 (n, classes).
        embedding: float32 (n, d), L2-normalised.
        pooled: float32 (n, width).
    """

    logits: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float32]
    pooled: npt.NDArray[np.float32]


def forward_batches(
    model: EmbeddingNet, dataset: Dataset, rows: npt.NDArray[np.int64], batch: int
) -> Iterator[Outputs]:
    """Yield the outputs for rows of a dataset, batch by batch and in order. Sets the model to evaluation mode.

    Args:
        rows: int64 (n,).
        batch: photos per forward pass.
    """
    for start in range(0, len(rows), batch):
        yield forward_photos(model, dataset.photos[rows[start : start + batch]], dataset.preprocessing)


def forward_photos(model: EmbeddingNet, photos: npt.NDArray[np.uint8], preprocessing: Preprocessing) -> Outputs:
    """The outputs for one batch of photos, uint8 (n, size, size, 3). Sets the model to evaluation mode."""
    model.eval()
    unit = to_input(torch.from_numpy(photos).to(device_of(model)), preprocessing)
    with torch.inference_mode():
        pooled = model.features(unit.contiguous(memory_format=torch.channels_last))
        logits, embedding = model.heads(pooled)
    return Outputs(logits.cpu().numpy(), embedding.cpu().numpy(), pooled.cpu().numpy())


def forward_rows(model: EmbeddingNet, dataset: Dataset, rows: npt.NDArray[np.int64], batch: int) -> Outputs:
    """The outputs for rows of a dataset, all in memory. There must be at least one row."""
    parts = list(forward_batches(model, dataset, rows, batch))
    return Outputs(
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.embedding for part in parts]),
        np.concatenate([part.pooled for part in parts]),
    )
