"""Embeddings that have never seen some categories, to measure what the embedding does with new ones.

The categories are dealt to folds. For each fold, an embedding is trained on the cached features of the other
categories. So each test photo can be searched by an embedding to which its category is new, and the release still
knows all of them. Only heads are trained here: to leave categories out of fine-tuning would take a run for each fold.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.fit.heads.blend import Linear, blended, sampled, whitened
from training.fit.heads.train import HeadRecipe, TrainingFeatures, train_heads
from training.fit.input.identities import identity_labels

Labels = npt.NDArray[np.int64]
FOLDS = 4
# With fewer categories, an embedding would be trained on a single one.
FEWEST_CATEGORIES = 3
# A quarter of those of the served heads, so that all folds together take as long as these heads.
_EPOCHS = 15


def missing_because(data: TrainingFeatures) -> str | None:
    """Why no categories can be left out; None if they can."""
    if data.lesson is not None:
        return "the teacher has seen all categories"
    known = len(np.unique(data.categories))
    return None if known >= FEWEST_CATEGORIES else f"there are fewer than {FEWEST_CATEGORIES} categories"


def deal(categories: Labels, classes: int) -> Labels:
    """The fold of each category, int64 (classes,): large and small categories in each."""
    counts = np.bincount(categories, minlength=classes)
    folds = np.empty(classes, np.int64)
    folds[np.argsort(-counts, kind="stable")] = np.arange(classes) % min(FOLDS, int((counts > 0).sum()))
    return folds


def train_folds(
    data: TrainingFeatures, dim: int, recipe: HeadRecipe, seed: int, device: torch.device, pooled_share: float
) -> dict[str, Tensor]:
    """Train an embedding for each fold, as the served heads are trained.

    Args:
        pooled_share: as in the served embedding.

    Returns:
        `unseen.fold`, int64 (classes,), and for each fold `unseen.N.weight` (dim, width) and `unseen.N.bias`; empty if
        `missing_because` names a reason.
    """
    if missing_because(data) is not None:
        return {}
    folds = deal(data.categories, data.classes)
    state = {"unseen.fold": torch.from_numpy(folds)}
    for fold in range(int(folds.max()) + 1):
        rows = np.flatnonzero(folds[data.categories] != fold)
        names, categories = np.unique(data.categories[rows], return_inverse=True)
        known = TrainingFeatures([view[rows] for view in data.views], categories, data.products[rows], len(names))
        heads = train_heads(known, dim, replace(recipe, epochs=_EPOCHS), seed, device)
        layer = _with_pooled(known, Linear.of(heads), pooled_share)
        state |= {f"unseen.{fold}.{name}": value for name, value in layer.state().items()}
    return state


def _with_pooled(data: TrainingFeatures, trained: Linear, share: float) -> Linear:
    if share == 0:
        return trained
    identities = identity_labels(data.products, data.categories)
    rows = sampled(identities)
    features = data.views[0][rows]
    return blended(trained, whitened(features, identities.labels[rows], len(trained.weight)), features, share)
