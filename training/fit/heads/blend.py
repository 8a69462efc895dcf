"""An embedding that keeps the pooled features: what training does not need, and products of new kinds do.

The metric loss keeps only what separates the products of the training photos. On kinds of product that were not among
them, the trained embedding ranks worse than the features from which it is computed. So a part of the embedding is made
of the features, by closed form: they are whitened, which divides each direction by its spread between photos of one
product (Hatch et al. 2006, "Within-class covariance normalization"; Mikolajczyk and Matas 2007, "Improving descriptors
for fast tree matching by optimal linear projection"), and then reduced by PCA. Cosines of the result are a weighted sum
of the cosines of both parts. It is one linear layer again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.fit.heads.algebra import Wide, components, inverse_root
from training.fit.input.identities import Identities

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

# The covariance is estimated from this many photos at most: several times the width of the widest backbones.
MOST_PHOTOS = 10_000
# The covariance within products plus this many times its mean eigenvalue. Of 0.003 to 10, values from 0.3 to 2 were
# about equally good, on photos of kinds that were trained on and of others.
_SHRINKAGE = 1.0


@dataclass(frozen=True)
class Linear:
    """A linear layer for pooled features.

    Attributes:
        weight: float32 (d, width).
        bias: float32 (d,).
    """

    weight: Array
    bias: Array

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> "Linear":
        """The embedding in the state dict of a network or of heads."""
        return cls(*(state[f"embedding.{name}"].cpu().numpy() for name in ("weight", "bias")))

    def state(self) -> dict[str, Tensor]:
        """Its state dict: `weight` and `bias`."""
        return {"weight": torch.from_numpy(self.weight), "bias": torch.from_numpy(self.bias)}

    def __call__(self, features: Array) -> Array:
        """Features (n, width) -> (n, d)."""
        found: Array = (features @ self.weight.T + self.bias).astype(np.float32)
        return found


def sampled(identities: Identities, most: int = MOST_PHOTOS) -> Labels:
    """Rows of at most this many photos, sorted, drawn at random; photos of a product stay together."""
    labels, rng = identities.labels, np.random.default_rng(0)
    if len(labels) <= most:
        return np.arange(len(labels))
    _, groups = np.unique(labels, return_inverse=True)
    single = identities.kind == "category"
    order = rng.permutation(len(labels)) if single else rng.permutation(int(groups.max()) + 1)[groups]
    return np.sort(np.argsort(order, kind="stable")[:most])


def whitened(features: Array, labels: Labels, dim: int) -> Linear:
    """The whitened features, reduced to their `dim` largest principal components, or to `width` if that is less.

    Args:
        features: float32 (n, width), of training photos; n is at least 1.
        labels: int64 (n,): photos with the same label show the same thing.

    Returns:
        A layer whose outputs have mean 0 and mean squared length 1 on these photos.
    """
    wide = features.astype(np.float64)
    mean = wide.mean(axis=0)
    centred = wide - mean
    within = _within(centred, labels)
    spread = float(np.trace(within)) / len(within)
    if spread <= 0:  # no label has two different photos: plain PCA
        spread = 1.0
    # Any root of the covariance serves, because PCA follows. This one is the fastest.
    whitening = inverse_root(within + _SHRINKAGE * spread * np.eye(len(within)))
    # The second moments of the whitened photos, without whitening each of them.
    weight = components(whitening @ _moments(centred) @ whitening.T, dim) @ whitening
    weight /= max(_length(centred @ weight.T), 1e-12)
    return Linear(weight.astype(np.float32), (-weight @ mean).astype(np.float32))


def blended(trained: Linear, pooled: Linear, features: Array, share: float) -> Linear:
    """An embedding of the dimension of `trained`, from two parts.

    Args:
        trained: the trained embedding, before it is normalised.
        pooled: the whitened features.
        features: float32 (n, width), of training photos; both parts are scaled to the same length on them.
        share: of `pooled`, in the squared length of the embedding; with 0 the result is `trained`.
    """
    if share == 0:
        return trained
    parts = ((share, pooled), (1 - share, trained))
    factors = [float(np.sqrt(part)) / max(_length(layer(features)), 1e-12) for part, layer in parts]
    weight = np.concatenate([factor * layer.weight for factor, (_, layer) in zip(factors, parts, strict=True)])
    bias = np.concatenate([factor * layer.bias for factor, (_, layer) in zip(factors, parts, strict=True)])
    # Not centred: of all projections to this dimension, these components keep the inner products best.
    kept = components(_moments(features.astype(np.float64) @ weight.T + bias), len(trained.weight))
    return Linear((kept @ weight).astype(np.float32), (kept @ bias).astype(np.float32))


def _within(centred: Wide, labels: Labels) -> Wide:
    """The covariance of photos of the same label around their mean: (width, width); zeros if all labels differ."""
    order = np.argsort(labels, kind="stable")
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    means = np.add.reduceat(centred[order], starts, axis=0) / counts[:, np.newaxis]
    rest = centred[order] - np.repeat(means, counts, axis=0)
    freedom = int((counts - 1).sum())
    found: Wide = rest.T @ rest / max(1, freedom)
    return found


def _moments(vectors: Wide) -> Wide:
    """The second moments of vectors (n, width): (width, width)."""
    found: Wide = vectors.T @ vectors / len(vectors)
    return found


def _length(vectors: npt.NDArray[np.floating[Any]]) -> float:
    """The root of the mean squared length."""
    return float(np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1).mean()))
