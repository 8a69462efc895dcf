"""What a teacher adds to the loss: the student's embedding and logits are drawn to those of the teacher."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn
from torch.nn import functional as F

# Softens both predictions, so that the teacher's order of the wrong categories counts too.
TEMPERATURE = 2.0


@dataclass(frozen=True)
class Taught:
    """The teacher's outputs for a batch.

    Attributes:
        logits: float32 (n, classes).
        embedding: float32 (n, d), L2-normalised.
        alike: bool (n,): whether the student sees the product that the teacher saw. A mirrored or recoloured product is
            another product of the same category, so the teacher's embedding is not the one to learn.
    """

    logits: Tensor
    embedding: Tensor
    alike: Tensor


class TeachingLoss(nn.Module):
    """Distance of the student's outputs to those of the teacher, a scalar for a batch.

    It is `embedding_weight` times the mean of 1 - cosine, plus `logits_weight` times the Kullback-Leibler divergence of
    the predictions, softened by a temperature T and multiplied by T^2 (Hinton et al. 2015, "Distilling the knowledge in
    a neural network", section 2).
    """

    def __init__(self, embedding_weight: float, logits_weight: float) -> None:
        super().__init__()
        self.embedding_weight, self.logits_weight = embedding_weight, logits_weight

    def about(self) -> list[float]:
        """The numbers on which it depends."""
        return [self.embedding_weight, self.logits_weight]

    def forward(self, logits: Tensor, embedding: Tensor, taught: Taught) -> Tensor:
        """The loss of a batch.

        Args:
            logits: float32 (n, classes), of the student.
            embedding: float32 (n, d), of the student, L2-normalised.
        """
        found, expected = (F.log_softmax(of.float() / TEMPERATURE, dim=1) for of in (logits, taught.logits))
        divergence = F.kl_div(found, expected, reduction="batchmean", log_target=True)
        away = (1 - (embedding.float() * taught.embedding).sum(dim=1)) * taught.alike
        distance = away.sum() / taught.alike.sum().clamp(min=1)
        return self.embedding_weight * distance + self.logits_weight * TEMPERATURE**2 * divergence


@dataclass(frozen=True)
class Lesson:
    """What the heads on cached features learn from a teacher.

    Attributes:
        outputs: the teacher's outputs for the training photos, float32 (n, classes + d).
        loss: the distance to them.
    """

    outputs: npt.NDArray[np.float32]
    loss: TeachingLoss


def taught_by(outputs: Tensor, classes: int, alike: Tensor) -> Taught:
    """The teacher's outputs for a batch from its rows, float32 (n, classes + d)."""
    return Taught(outputs[:, :classes], outputs[:, classes:], alike)
