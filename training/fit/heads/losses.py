"""The training loss: cross-entropy on the category plus a metric-learning loss on the embedding.

The loss is computed on the device of the network. No tensor shape depends on computed values, so the host never has to
wait for the device.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

_TEMPERATURE = 0.1  # of the contrastive softmax over cosines: the best value in the paper


class TrainingLoss(nn.Module):
    """Cross-entropy plus a weighted supervised contrastive loss.

    Args:
        smoothing: label smoothing of the cross-entropy, in [0, 1).
        metric_weight: factor of the metric loss; 0 disables it.
        category_weights: weight of a photo of each category in the cross-entropy, float32 (classes,): see
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
            identities: int64 (n,), labels for the metric loss: see `identity_labels`.
        """
        each = F.cross_entropy(logits.float(), categories, label_smoothing=self.smoothing, reduction="none")
        # Not the `weight` argument of torch, which divides by the sum of weights in the batch: the effective weights
        # would change from batch to batch.
        loss = (each * self.category_weights[categories]).mean()
        if self.metric_weight > 0:
            loss = loss + self.metric_weight * supervised_contrastive_loss(embedding.float(), identities)
        return loss


def supervised_contrastive_loss(embedding: Tensor, identities: Tensor, temperature: float = _TEMPERATURE) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020, equation 2), averaged over photos with a partner in the batch.

    Args:
        embedding: float32 (n, d), L2-normalised.
        identities: int64 (n,); photos with the same value are partners (positives).

    Returns:
        A scalar; 0 if no photo has a partner.
    """
    similar = embedding @ embedding.T / temperature  # (n, n)
    self_pair = torch.eye(len(similar), dtype=torch.bool, device=similar.device)
    partner = (identities[:, None] == identities) & ~self_pair
    log_sum = torch.logsumexp(similar.masked_fill(self_pair, -torch.inf), dim=1, keepdim=True)
    partners = partner.sum(dim=1)
    each = ((log_sum - similar) * partner).sum(dim=1) / partners.clamp(min=1)
    return each.sum() / (partners > 0).sum().clamp(min=1)


def balanced_weights(categories: npt.NDArray[np.int64], classes: int, balance: float) -> npt.NDArray[np.float32]:
    """Loss weight of a photo of each category, to balance rare and frequent categories.

    Uses loss weights instead of oversampling: each photo is still seen once per epoch, and pairs stay together.

    Args:
        categories: int64 (n,), categories of the training photos.
        balance: 0: all photos have the same weight; 1: all categories have the same total weight; in general the weight
            is proportional to (n / (k count))^balance for k categories.

    Returns:
        float32 (classes,), with mean 1 over the photos; 1 for a category without photos.
    """
    counts = np.bincount(categories, minlength=classes)
    present = counts > 0
    weights = np.ones(classes)
    weights[present] = (len(categories) / (present.sum() * counts[present])) ** balance
    weights[present] *= len(categories) / (weights * counts).sum()
    return weights.astype(np.float32)
