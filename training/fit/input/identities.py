"""The labels of the metric loss: products, or categories where no product has two photos."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Identities:
    """What the metric term pulls together.

    Attributes:
        labels: int64 (n,).
        kind: "product", or "category" where no product has two photos.
    """

    labels: npt.NDArray[np.int64]
    kind: str


def identity_labels(products: npt.NDArray[np.int64], categories: npt.NDArray[np.int64]) -> Identities:
    """Product labels where any product has two photos, else category labels; both int64 (n,)."""
    if len(np.unique(products)) < len(products):
        return Identities(products, "product")
    return Identities(categories, "category")
