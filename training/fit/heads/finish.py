"""The last step of fine-tuning: the embedding of the best epoch gets its part of the pooled features."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from training.dataset import Dataset
from training.fit.heads.blend import Linear, sampled
from training.fit.heads.share import MOST_QUERIES, Blend, LabelledFeatures, blend
from training.fit.input.identities import identity_labels
from training.network.embedding_net import EmbeddingNet
from training.network.pooled import Features, Photos, forward_of

_BATCH = 64


def keep_pooled(model: EmbeddingNet, dataset: Dataset, device: torch.device, most: float) -> Blend:
    """Blend the embedding of a trained network with its own pooled features, in place.

    Args:
        model: it may move to another device.
        most: the largest share of the pooled features; above 0.
    """
    rows = [_rows(dataset, "train", None), _rows(dataset, "validation", MOST_QUERIES)]
    with forward_of(model, dataset, device, sum(map(len, rows))) as forward:
        train, validation = (_features(dataset, own, forward, model.width) for own in rows)
    found = blend(Linear.of(model.state_dict()), train, validation, most)
    model.embedding.load_state_dict(found.layer.state())
    return found


def _rows(dataset: Dataset, split: str, most: int | None) -> npt.NDArray[np.int64]:
    rows = dataset.rows(split)
    identities = identity_labels(dataset.product[rows], dataset.category[rows])
    return rows[sampled(identities) if most is None else sampled(identities, most)]


def _features(
    dataset: Dataset, rows: npt.NDArray[np.int64], forward: Callable[[Photos], Features], width: int
) -> LabelledFeatures:
    starts = range(0, len(rows), _BATCH)
    parts = [forward(dataset.photos[rows[start : start + _BATCH]]) for start in starts]
    pooled = np.concatenate([np.empty((0, width), np.float32), *parts])
    return LabelledFeatures(pooled, dataset.category[rows], dataset.product[rows])
