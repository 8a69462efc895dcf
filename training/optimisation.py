"""What moves the weights: the optimiser, and the moving average of what it did."""

from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.model import EmbeddingNet, parameter_groups


def optimiser_of(
    model: EmbeddingNet, kind: str, lr: float, momentum: float, weight_decay: float
) -> torch.optim.Optimizer:
    """The optimiser of what learns in the model.

    Args:
        kind: "adamw", or "sgd" with Nesterov momentum.
        momentum: of sgd, and adamw's first beta.
    """
    groups = parameter_groups(model, weight_decay)
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=lr, momentum=momentum, nesterov=momentum > 0)
    return torch.optim.AdamW(groups, lr=lr, betas=(momentum, 0.999))


def averaged(model: EmbeddingNet, decay: float) -> AveragedModel:
    """A copy of the model that follows it.

    An exponential moving average that forgets its first, random steps: decay min(d, (1 + t) / (10 + t)).
    """

    def update(averages: Any, current: Any, steps: Tensor | int) -> None:
        count = float(steps)
        average = get_ema_multi_avg_fn(min(decay, (1 + count) / (10 + count)))  # type: ignore[no-untyped-call]
        average(averages, current, steps)

    return AveragedModel(model, multi_avg_fn=update, use_buffers=True)
