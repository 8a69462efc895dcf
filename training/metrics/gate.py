"""The gate between two ways to compute the same outputs: does the second one cost more than rounding may?

It decides whether a release gets an int8 model, and whether another way than the served model may embed its catalogue.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.metrics import retrieval
from training.metrics.retrieval import Labels

# Limits of the second outputs: share of photos with the same predicted category as by the first, and the largest drops
# of accuracy and of recall@4.
MIN_AGREEMENT = 0.99
ACCURACY_DROP = 0.003
RECALL_DROP = 0.005


class Answers(Protocol):
    """The outputs of a network for n photos."""

    @property
    def logits(self) -> npt.NDArray[np.float32]:
        """Float32 (n, classes)."""

    @property
    def embedding(self) -> npt.NDArray[np.float32]:
        """Float32 (n, d), L2-normalised."""


@dataclass(frozen=True)
class Gate:
    """Comparison of two outputs for the same photos.

    Attributes:
        n: number of photos.
        agreement: share of photos with the same predicted category.
        accuracy_drop, recall4_drop: first minus second; `recall4_drop` is None if no product has two photos.
        passed: whether all three are within their limits.
    """

    n: int
    agreement: float
    accuracy_drop: float
    recall4_drop: float | None
    passed: bool


def compare(expected: Answers, found: Answers, labels: Labels, products: Labels, *, as_gallery: bool = False) -> Gate:
    """Compare outputs with the expected ones.

    Args:
        labels, products: int64 (n,), category and product of each photo.
        as_gallery: whether `found` is only searched, by queries that are `expected`. Else it is query and gallery.
    """
    _, products = np.unique(products, return_inverse=True)
    agreement = float(np.mean(expected.logits.argmax(axis=1) == found.logits.argmax(axis=1)))
    accuracy_drop = retrieval.accuracy(expected.logits, labels) - retrieval.accuracy(found.logits, labels)
    before = _recall(expected.embedding, expected.embedding, labels, products)
    after = _recall(found.embedding, expected.embedding if as_gallery else found.embedding, labels, products)
    recall_drop = None if before is None or after is None else before - after
    passed = (
        agreement >= MIN_AGREEMENT
        and accuracy_drop <= ACCURACY_DROP
        and (recall_drop is None or recall_drop <= RECALL_DROP)
    )
    return Gate(len(labels), agreement, accuracy_drop, recall_drop, passed)


def _recall(
    gallery: npt.NDArray[np.float32], asked: npt.NDArray[np.float32], labels: Labels, products: Labels
) -> float | None:
    ranking = retrieval.rank(gallery, products, labels, np.arange(len(labels)), asked=asked)
    recall: float | None = retrieval.means(retrieval.per_query(ranking))["recall@4"]
    return recall
