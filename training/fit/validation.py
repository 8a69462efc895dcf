"""Metrics on the validation split, which select the epoch whose weights are kept."""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from training.dataset import Dataset
from training.metrics import retrieval
from training.network.embedding_net import EmbeddingNet
from training.network.forward import forward_rows
from training.pipeline.world import World

Array = npt.NDArray[np.float32]
_NONE = -np.inf  # replaces None in the broadcast of numbers; no metric can have this value
FIGURES = ("val_loss", "val_accuracy", "val_recall4")
SCORED = ("val_accuracy", "val_recall4")


def validate(model: EmbeddingNet, dataset: Dataset, batch: int, world: World) -> dict[str, float | None]:
    """Metrics on the validation split. The processes share the work, and all get the same values.

    Args:
        batch: photos per forward pass.

    Returns:
        val_loss, val_accuracy, and val_recall4 (how often another photo of the same product is among the 4 nearest
        neighbours in the split). None if the split is empty; val_recall4 is also None if no product has two photos.
    """
    rows = dataset.rows("validation")
    if not len(rows):
        return dict.fromkeys(FIGURES)
    logits, embedding = _outputs(model, dataset, rows, batch, world)
    values: tuple[float | None, ...] = (0.0,) * len(FIGURES)
    if world.is_leader:
        values = tuple(figures_of(logits, embedding, dataset, rows).values())
    broadcast = world.broadcast(*(_NONE if value is None else value for value in values))
    return {name: None if value == _NONE else value for name, value in zip(FIGURES, broadcast, strict=True)}


def figures_of(
    logits: Array, embedding: Array, dataset: Dataset, rows: npt.NDArray[np.int64]
) -> dict[str, float | None]:
    """The same metrics from the outputs for the rows of the validation split, of which there is at least one."""
    labels = dataset.category[rows]
    _, products = np.unique(dataset.product[rows], return_inverse=True)
    ranking = retrieval.retrieval(embedding, products, labels, np.arange(len(rows)))
    likelihood = retrieval.negative_log_likelihood(logits, labels)
    values = (likelihood, retrieval.accuracy(logits, labels), ranking["recall@4"])
    return dict(zip(FIGURES, values, strict=True))


def score(figures: Mapping[str, float | None]) -> float | None:
    """The score by which weights are chosen: the mean of accuracy and recall@4, the main metrics of a release.

    None without a validation split; the accuracy alone if no product has two photos.
    """
    known = [value for name in SCORED if (value := figures[name]) is not None]
    return sum(known) / len(known) if known else None


def is_as_good_as(figures: Mapping[str, float | None], best: Mapping[str, float | None], photos: int) -> bool:
    """Whether the score is lower than the best one by at most the standard error of the best one, or not at all.

    Args:
        figures, best: what `validate` gave.
        photos: number of photos of the validation split. Two photos of a product count as two, so the standard error is
            rather too small.
    """
    found, highest = score(figures), score(best)
    if found is None or highest is None:
        return True
    shares = [value for name in SCORED if (value := best[name]) is not None]
    variance = sum(share * (1 - share) / photos for share in shares) / len(shares) ** 2
    return bool(found >= highest - math.sqrt(variance))


def _outputs(
    model: EmbeddingNet, dataset: Dataset, rows: npt.NDArray[np.int64], batch: int, world: World
) -> tuple[Array, Array]:
    """Logits (n, classes) and embeddings (n, d) of all rows, on every process."""
    if len(rows) < world.size:  # fewer rows than processes
        found = forward_rows(model, dataset, rows, batch)
        return found.logits, found.embedding
    found = forward_rows(model, dataset, rows[world.shard(len(rows))], batch)
    logits = world.all_gather(torch.from_numpy(found.logits), len(rows))
    embedding = world.all_gather(torch.from_numpy(found.embedding), len(rows))
    return logits.numpy(), embedding.numpy()
