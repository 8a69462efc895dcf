"""What moves the weights: the optimiser, and the moving average of what it did."""

import copy
from typing import Any

import torch
from torch import Tensor

from training.network.embedding_net import EmbeddingNet, parameter_groups

# What goes with an optimiser. Of sgd both are the published study's, which takes them from NVIDIA's recipe for
# ResNet50; of adamw the decay is that of the authors of Swin and ConvNeXt.
_MOMENTUM = 0.875
_DECAY = {"sgd": 2.0**-15, "adamw": 0.05}


def optimiser_of(model: EmbeddingNet, kind: str, lr: float) -> torch.optim.Optimizer:
    """The optimiser of what learns in the model: one kernel for all weights, on any device.

    Args:
        kind: "adamw", or "sgd" with Nesterov momentum; each with its own weight decay.
        lr: learning rate.
    """
    groups = parameter_groups(model, _DECAY[kind])
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=lr, momentum=_MOMENTUM, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=lr, fused=True)


class Average:
    """A copy of the model that follows it: an exponential moving average of weights and batch-norm statistics.

    It forgets its first, random steps: decay min(d, (1 + t) / (10 + t)). Its count stays on the host, since one on the
    device would have to be fetched at each step, and the host wait for it.

    Args:
        model: what it follows, on its device; its tensors must stay where they are.
        decay: d.

    Attributes:
        module: the averaged model.
        steps: how often it was updated.
    """

    def __init__(self, model: EmbeddingNet, decay: float) -> None:
        self.module = copy.deepcopy(model).requires_grad_(False)
        self.decay, self.steps = decay, 0
        pairs = list(zip(_tensors(self.module), _tensors(model), strict=True))
        self._means = [(mean, current) for mean, current in pairs if mean.is_floating_point()]
        self._counts = [(count, current) for count, current in pairs if not count.is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Follow the model by a step."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps)) if self.steps else 0.0
        means, current = zip(*self._means, strict=True)
        torch._foreach_lerp_(means, current, 1 - decay)
        if self._counts:  # of batches that batch-norm has seen
            counts, current = zip(*self._counts, strict=True)
            torch._foreach_copy_(counts, current)
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` goes on from."""
        return {"module": self.module.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.module.load_state_dict(state["module"])
        self.steps = int(state["steps"])


def _tensors(model: EmbeddingNet) -> list[Tensor]:
    return [tensor.detach() for tensor in (*model.parameters(), *model.buffers())]
