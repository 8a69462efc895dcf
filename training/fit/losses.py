"""What training minimises: cross-entropy on the category, and a metric-learning term on the embedding.

All of it is computed where the network is, by operations whose sizes hang on no value: the host never waits for one.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

_TEMPERATURE = 0.1  # of the contrastive softmax over cosines, as its authors found best


class TrainingLoss(nn.Module):
    """Cross-entropy plus a weighted supervised contrastive term.

    Args:
        smoothing: label smoothing of the cross-entropy, in [0, 1).
        metric_weight: factor of the metric term; 0 leaves it out.
        category_weights: how much a photo of each category counts in the cross-entropy, float32 (classes,): see
            `balanced_weights`.
    """

    category_weights: Tensor

    def __init__(self, smoothing: float, metric_weight: float, category_weights: Tensor) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.metric_weight = metric_weight
        self.register_buffer("category_weights", category_weights)

    def forward(self, logits: Tensor, embedding: Tensor, categories: Tensor, identities: Tensor) -> Tensor:
        """The loss of a batch, a scalar.

        Args:
            logits: (n, classes).
            embedding: (n, d), L2-normalised.
            categories: int64 (n,).
            identities: int64 (n,), what the embedding must tell apart: see `identity_labels`.
        """
        each = F.cross_entropy(logits.float(), categories, label_smoothing=self.smoothing, reduction="none")
        # Not the weights of torch, which divides by those of the batch: a rare category alone would count as any other.
        loss = (each * self.category_weights[categories]).mean()
        if self.metric_weight > 0:
            loss = loss + self.metric_weight * contrast(embedding.float(), identities)
        return loss


def contrast(embedding: Tensor, identities: Tensor, temperature: float = _TEMPERATURE) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020, equation 2), the mean over photos that have a partner.

    Args:
        embedding: float32 (n, d), L2-normalised.
        identities: int64 (n,); photos that share one are partners.

    Returns:
        A scalar; 0 where no photo has a partner.
    """
    similar = embedding @ embedding.T / temperature  # (n, n)
    itself = torch.eye(len(similar), dtype=torch.bool, device=similar.device)
    partner = (identities[:, None] == identities) & ~itself
    others = torch.logsumexp(similar.masked_fill(itself, -torch.inf), dim=1, keepdim=True)
    partners = partner.sum(dim=1)
    each = ((others - similar) * partner).sum(dim=1) / partners.clamp(min=1)
    return each.sum() / (partners > 0).sum().clamp(min=1)


def balanced_weights(categories: npt.NDArray[np.int64], classes: int, balance: float) -> npt.NDArray[np.float32]:
    """How much a photo of each category is to count, so that scarce categories do not drown.

    Weights rather than drawing scarce photos more often: each photo is still seen once an epoch, and pairs stay pairs.

    Args:
        categories: int64 (n,), of the training photos.
        balance: 0 lets every photo count alike, 1 every category in total; between them (n / (k count))^balance of
            k categories.

    Returns:
        float32 (classes,), of mean 1 over the photos; 1 for a category without any.
    """
    counts = np.bincount(categories, minlength=classes)
    present = counts > 0
    weights = np.ones(classes)
    weights[present] = (len(categories) / (present.sum() * counts[present])) ** balance
    weights[present] *= len(categories) / (weights * counts).sum()
    return weights.astype(np.float32)
