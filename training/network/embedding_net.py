"""The network: a torchvision backbone with two heads on its pooled features, a classifier and an embedding."""

from collections.abc import Iterator
from typing import cast

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from training.errors import WeightsError
from training.network import half_resnet

EMBEDDING_DIM = 256
# The first two return auxiliary outputs in training; the others accept only one fixed input size.
_UNSUPPORTED = ("googlenet", "inception_v3", "maxvit_t", "vit_b_16", "vit_b_32", "vit_h_14", "vit_l_16", "vit_l_32")
# In these backbones the stages are children of a container; in others they are direct children of the model.
_STAGE_CONTAINERS = ("features", "trunk_output", "layers")
_COMMON = ("resnet50", "resnet18", half_resnet.NAME, "mobilenet_v3_small", "efficientnet_b0", "convnext_tiny")


class EmbeddingNet(nn.Module):
    """A backbone with two heads.

    Args:
        name: a torchvision classification model, such as "resnet50", with random weights.
        classes: number of categories.
        dim: dimension d of the embedding.

    Raises:
        WeightsError: torchvision has no such model, or it does not end in a linear classifier.
    """

    def __init__(self, name: str, classes: int, dim: int = EMBEDDING_DIM) -> None:
        super().__init__()
        self.name = name
        self.backbone, self.head_name, self.width = _without_classifier(name)
        self.classifier = nn.Linear(self.width, classes)
        self.embedding = nn.Linear(self.width, dim)
        self._frozen: tuple[nn.Module, ...] = ()

    def features(self, images: Tensor) -> Tensor:
        """Pooled features: float32 (n, 3, size, size) -> (n, width)."""
        pooled: Tensor = self.backbone(images)
        return pooled

    def heads(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled features (n, width) -> logits (n, classes) and L2-normalised embedding (n, d)."""
        return self.classifier(pooled), F.normalize(self.embedding(pooled), dim=1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised images, float32 (n, 3, size, size) -> logits (n, classes), embedding (n, d)."""
        return self.heads(self.features(images))

    def stages(self) -> Iterator[tuple[str, nn.Module]]:
        """Names and modules of the backbone's stages with parameters, stem first. `--freeze` takes these names."""
        for name, child in self.backbone.named_children():
            parts = child.named_children() if name in _STAGE_CONTAINERS else [("", child)]
            for part, stage in parts:
                if any(True for _ in stage.parameters()):
                    yield f"{name}.{part}".rstrip("."), stage

    def freeze(self, last: str) -> None:
        """Freeze the stages up to and including `last`: no gradients, fixed batch-norm statistics. "none" freezes none.

        Raises:
            WeightsError: no such stage; the message lists the stages.
        """
        stages = dict(self.stages())
        if last != "none" and last not in stages:
            raise WeightsError(f"{self.name} has no stage {last!r} to freeze; its stages are {', '.join(stages)}")
        names = list(stages)
        frozen = names[: names.index(last) + 1] if last != "none" else []
        for name, stage in stages.items():
            stage.requires_grad_(name not in frozen)
        self._frozen = tuple(stages[name] for name in frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> "EmbeddingNet":
        """Like `nn.Module.train`, but frozen stages stay in evaluation mode, so their batch-norm is fixed."""
        super().train(mode)
        for stage in self._frozen:
            stage.eval()
        return self


def _without_classifier(name: str) -> tuple[nn.Module, str, int]:
    """A backbone without its last linear layer, the name of that layer, and the width of its input features."""
    backbone = _torchvision_model(name)
    linear = [path for path, module in backbone.named_modules() if isinstance(module, nn.Linear)]
    if not linear or backbone.get_submodule(linear[-1]).out_features != 1000:
        raise WeightsError(
            f"{name} does not end in a linear classifier with 1,000 classes, so it cannot be used as a backbone"
        )
    parent, _, child = linear[-1].rpartition(".")
    width = int(cast(nn.Linear, backbone.get_submodule(linear[-1])).in_features)
    setattr(backbone.get_submodule(parent), child, nn.Identity())
    return backbone, linear[-1], width


def _torchvision_model(name: str) -> nn.Module:
    if name == half_resnet.NAME:
        return half_resnet.HalfResNet10()
    known = [name for name in torchvision.models.list_models(module=torchvision.models) if name not in _UNSUPPORTED]
    if name not in known:
        raise WeightsError(
            f"no backbone {name!r}; try {', '.join(_COMMON)}, or another classification model of torchvision: "
            f"{', '.join(known)}"
        )
    backbone: nn.Module = torchvision.models.get_model(name, weights=None)
    return backbone


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Parameter groups for an optimiser: weight decay for matrices and kernels, none for biases and norm scales."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]


def device_of(model: nn.Module) -> torch.device:
    """The device of the model's parameters."""
    return next(model.parameters()).device
