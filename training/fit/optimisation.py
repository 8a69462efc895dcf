"""The optimiser, and the exponential moving average (EMA) of the weights."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from training.network.embedding_net import EmbeddingNet, parameter_groups

# Momentum and weight decay of sgd are those of the published study, which took them from NVIDIA's recipe for ResNet50.
# The weight decay of adamw is that of the Swin and ConvNeXt papers.
_MOMENTUM = 0.875
_DECAY = {"sgd": 2.0**-15, "adamw": 0.05}


def make_optimiser(model: EmbeddingNet, kind: str, lr: float, backbone_lr: float = 1.0) -> torch.optim.Optimizer:
    """The optimiser for the trainable parameters of the model, in its fused implementation.

    Args:
        kind: "adamw", or "sgd" with Nesterov momentum. Each kind has its own weight decay.
        lr: learning rate.
        backbone_lr: learning rate of the backbone, as a share of `lr`. Each parameter group has its share as "share",
            for `set_rate`.
    """
    heads = nn.ModuleList([model.classifier, model.embedding])
    groups: list[dict[str, object]] = []
    for part, share in ((model.backbone, backbone_lr), (heads, 1.0)):
        groups += [
            {**group, "share": share, "lr": lr * share}
            for group in parameter_groups(part, _DECAY[kind])
            if group["params"]
        ]
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=lr, momentum=_MOMENTUM, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=lr, fused=True)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameter groups of `make_optimiser`."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["share"]


class EmaWeights:
    """A copy of the model with an exponential moving average of its weights and batch-norm statistics.

    The decay at step t is min(d, (1 + t) / (10 + t)), so early, nearly random weights are soon forgotten. The step
    counter is kept on the host: reading a counter from the device at each step would make the host wait.

    Args:
        model: the model to average, on its device. Its tensors must not be replaced by others later.
        decay: d.

    Attributes:
        module: the averaged model.
        steps: number of updates.
    """

    def __init__(self, model: EmbeddingNet, decay: float) -> None:
        self.module = copy.deepcopy(model).requires_grad_(False)
        self.decay, self.steps = decay, 0
        pairs = list(zip(_tensors(self.module), _tensors(model), strict=True))
        self._means = [(mean, current) for mean, current in pairs if mean.is_floating_point()]
        self._counts = [(count, current) for count, current in pairs if not count.is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Update the averages after an optimiser step."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps)) if self.steps else 0.0
        means, current = zip(*self._means, strict=True)
        torch._foreach_lerp_(means, current, 1 - decay)
        if self._counts:  # batch counters of batch-norm layers
            counts, current = zip(*self._counts, strict=True)
            torch._foreach_copy_(counts, current)
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        """The state for `load_state_dict`."""
        return {"module": self.module.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state from `state_dict`."""
        self.module.load_state_dict(state["module"])
        self.steps = int(state["steps"])


def _tensors(model: EmbeddingNet) -> list[Tensor]:
    return [tensor.detach() for tensor in (*model.parameters(), *model.buffers())]
