"""What training minimises: cross-entropy on the category, and a metric-learning term on the embedding."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pytorch_metric_learning.losses import SupConLoss
from torch import Tensor, nn
from torch.nn import functional as F


class TrainingLoss(nn.Module):
    """Cross-entropy plus a weighted supervised contrastive term (Khosla et al. 2020, equation 2).

    Args:
        smoothing: label smoothing of the cross-entropy, in [0, 1).
        metric_weight: factor of the metric term; 0 leaves it out.
        temperature: of the contrastive softmax over cosines.
    """

    def __init__(self, smoothing: float, metric_weight: float, temperature: float = 0.1) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.metric_weight = metric_weight
        self.contrast = SupConLoss(temperature=temperature)

    def forward(self, logits: Tensor, embedding: Tensor, categories: Tensor, identities: Tensor) -> Tensor:
        """The loss of a batch, a scalar.

        Args:
            logits: (n, classes).
            embedding: (n, d), L2-normalised.
            categories: int64 (n,).
            identities: int64 (n,), what the embedding must tell apart: see `identity_labels`.
        """
        loss = F.cross_entropy(logits.float(), categories, label_smoothing=self.smoothing)
        if self.metric_weight > 0:
            loss = loss + self.metric_weight * self.contrast(embedding.float(), identities)
        return loss


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
