"""How the network does on the validation split, which decides what is kept of a run."""

import numpy as np
import numpy.typing as npt
import torch

from training.dataset import Dataset
from training.metrics import retrieval
from training.network.embedding_net import EmbeddingNet
from training.network.forward import forward_rows
from training.pipeline.world import World

Array = npt.NDArray[np.float32]
_NONE = -np.inf  # stands for None where only numbers travel; none of the figures can be it
FIGURES = ("val_loss", "val_accuracy", "val_recall4")


def validate(model: EmbeddingNet, dataset: Dataset, batch: int, world: World) -> dict[str, float | None]:
    """Figures of the validation split, the same in all processes, which share the work.

    Args:
        batch: photos a forward pass.

    Returns:
        val_loss, val_accuracy, and val_recall4: how often a product's other photo is among the 4 nearest of that
        split. None where the split is empty, or holds no such pair.
    """
    rows = dataset.rows("validation")
    if not len(rows):
        return dict.fromkeys(FIGURES)
    logits, embedding = _answers(model, dataset, rows, batch, world)
    values: tuple[float | None, ...] = (0.0,) * len(FIGURES)
    if world.is_leader:
        labels = dataset.category[rows]
        _, products = np.unique(dataset.product[rows], return_inverse=True)
        ranking = retrieval.retrieval(embedding, products, labels, np.arange(len(rows)))
        values = (
            retrieval.negative_log_likelihood(logits, labels),
            retrieval.accuracy(logits, labels),
            ranking["recall@4"],
        )
    told = world.broadcast(*(_NONE if value is None else value for value in values))
    return {name: None if value == _NONE else value for name, value in zip(FIGURES, told, strict=True)}


def _answers(
    model: EmbeddingNet, dataset: Dataset, rows: npt.NDArray[np.int64], batch: int, world: World
) -> tuple[Array, Array]:
    """Logits (n, classes) and embeddings (n, d) of all rows."""
    if len(rows) < world.size:  # too few to go round
        found = forward_rows(model, dataset, rows, batch)
        return found.logits, found.embedding
    found = forward_rows(model, dataset, rows[world.shard(len(rows))], batch)
    logits = world.all_gather(torch.from_numpy(found.logits), len(rows))
    embedding = world.all_gather(torch.from_numpy(found.embedding), len(rows))
    return logits.numpy(), embedding.numpy()
