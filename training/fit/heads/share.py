"""How much of the embedding is made of the pooled features: the largest share that costs little on known kinds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.search.vectors import unit
from training.fit.heads.blend import Linear, blended, sampled, whitened
from training.fit.input.identities import identity_labels
from training.metrics import retrieval

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

_TRIED = (0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
MEASURES = ("recall@4", "category_precision@4")
# What a share may cost on the validation photos, in the first of the MEASURES that can be measured.
COST = 0.01
# What is recorded of an embedding without pooled features.
NOT_POOLED: dict[str, Any] = {"pooled_share": 0.0, "validation": []}
# With fewer queries, one photo would decide.
FEWEST_QUERIES = 30
MOST_QUERIES = 2_000


@dataclass(frozen=True)
class LabelledFeatures:
    """Pooled features of photos.

    Attributes:
        pooled: float32 (n, width).
        categories, products: int64 (n,).
    """

    pooled: Array
    categories: Labels
    products: Labels


@dataclass(frozen=True)
class Blend:
    """An embedding that keeps pooled features.

    Attributes:
        layer: the embedding, before it is normalised.
        about: `pooled_share`, and `validation`, the MEASURES of each share that was tried, the last one 0; empty if
            there was no choice.
    """

    layer: Linear
    about: dict[str, Any]


def blend(trained: Linear, train: LabelledFeatures, validation: LabelledFeatures, most: float) -> Blend:
    """Choose the share of the pooled features on the validation photos.

    It is the largest share up to `most` that costs at most COST against the trained embedding alone, in recall@4, or in
    category_precision@4 if no product has two photos. With fewer than FEWEST_QUERIES validation photos it is `most`.
    """
    identities = identity_labels(train.products, train.categories)
    rows = sampled(identities)
    features = train.pooled[rows]
    if most == 0:
        return Blend(trained, dict(NOT_POOLED))
    pooled = whitened(features, identities.labels[rows], len(trained.weight))
    validation = _sample(validation)
    if len(validation.pooled) < FEWEST_QUERIES:
        return Blend(blended(trained, pooled, features, most), {"pooled_share": most, "validation": []})
    alone = {"pooled_share": 0.0} | _figures(trained, validation)
    tried: list[dict[str, Any]] = []
    for share in (most, *(share for share in _TRIED if share < most)):
        layer = blended(trained, pooled, features, share)
        tried.append({"pooled_share": share} | _figures(layer, validation))
        if _judged(tried[-1]) >= _judged(alone) - COST:
            return Blend(layer, {"pooled_share": share, "validation": [*tried, alone]})
    return Blend(trained, {"pooled_share": 0.0, "validation": [*tried, alone]})


def _sample(photos: LabelledFeatures) -> LabelledFeatures:
    rows = sampled(identity_labels(photos.products, photos.categories), MOST_QUERIES)
    return LabelledFeatures(photos.pooled[rows], photos.categories[rows], photos.products[rows])


def _figures(layer: Linear, photos: LabelledFeatures) -> dict[str, float | None]:
    """The MEASURES of a layer, among these photos."""
    _, products = np.unique(photos.products, return_inverse=True)
    vectors = unit(layer(photos.pooled))
    found = retrieval.retrieval(vectors, products, photos.categories, np.arange(len(vectors)))
    return {name: found[name] for name in MEASURES}


def _judged(entry: Mapping[str, float | None]) -> float:
    """The first of the MEASURES that is known."""
    return next(value for name in MEASURES if (value := entry[name]) is not None)
