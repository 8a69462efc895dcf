"""The labels of the metric loss: products, or categories if no product has two photos."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Identities:
    """Labels for the metric loss: photos with the same label should have similar embeddings.

    Attributes:
        labels: int64 (n,).
        kind: "product", or "category" if no product has two photos.
    """

    labels: npt.NDArray[np.int64]
    kind: str


def identity_labels(products: npt.NDArray[np.int64], categories: npt.NDArray[np.int64]) -> Identities:
    """Product labels if any product has two photos, else category labels; both int64 (n,)."""
    if len(np.unique(products)) < len(products):
        return Identities(products, "product")
    return Identities(categories, "category")
