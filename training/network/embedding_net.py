"""The network: a backbone with two heads on its pooled features, a classifier and an embedding."""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from training.errors import WeightsError
from training.network.backbone import Backbone, backbone_of

EMBEDDING_DIM = 256
# In these backbones the stages are children of a container; in others they are direct children of the model.
_STAGE_CONTAINERS = ("features", "trunk_output", "layers", "blocks", "stages", "encoder")


class EmbeddingNet(nn.Module):
    """A backbone with two heads.

    Args:
        name: a classification model of torchvision or timm, such as "resnet50", with random weights; see
            `training.network.backbone`. Or what `backbone_of` gave for the settings.
        classes: number of categories.
        dim: dimension d of the embedding.
        size: side of the photos in pixels; None for the backbone's own. Only some backbones depend on it.

    Raises:
        WeightsError: no library has such a model, or it does not end in a linear classifier.
    """

    def __init__(self, name: "str | Backbone", classes: int, dim: int = EMBEDDING_DIM, size: int | None = None) -> None:
        super().__init__()
        self.source = backbone_of(name) if isinstance(name, str) else name
        self.name = self.source.name
        self.size = size or self.source.own_input().size
        built = self.source.build(self.size)
        self.backbone, self.dropped, self.width = built.network, built.dropped, built.width
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

    def merged(self) -> "EmbeddingNet":
        """A network with equal outputs, whose parallel branches are merged for evaluation; itself if it has none."""
        backbone = self.source.merged(self.backbone)
        if backbone is self.backbone:
            return self
        merged = copy.copy(self)
        merged._modules = {**self._modules, "backbone": backbone}
        return merged

    def stages(self) -> Iterator[tuple[str, nn.Module]]:
        """Names and modules of the backbone's stages with parameters, stem first. `--freeze` takes these names."""
        for name, child in self.backbone.named_children():
            parts = child.named_children() if name in _STAGE_CONTAINERS else [("", child)]
            for part, stage in parts:
                if any(True for _ in stage.parameters()):
                    yield f"{name}.{part}".rstrip("."), stage

    def freeze(self, last: str, *, fixed_norm: bool = False) -> None:
        """Freeze the stages up to and including `last`: no gradients, fixed batch-norm statistics.

        Args:
            last: name of a stage; "none" freezes none, and "all" the whole backbone.
            fixed_norm: whether the batch-norm statistics of the other stages are fixed too.

        Raises:
            WeightsError: no such stage; the message lists the stages.
        """
        stages = dict(self.stages())
        if last not in ("none", "all", *stages):
            raise WeightsError(f"{self.name} has no stage {last!r} to freeze; its stages are {', '.join(stages)}")
        names = list(stages)
        frozen = names if last == "all" else names[: names.index(last) + 1] if last != "none" else []
        for name, stage in stages.items():
            stage.requires_grad_(name not in frozen)
        # Parameters outside the stages are positions and class tokens of transformers, which their stem adds.
        staged = {id(parameter) for stage in stages.values() for parameter in stage.parameters()}
        for parameter in self.backbone.parameters():
            if id(parameter) not in staged:
                parameter.requires_grad_(not frozen)
        self._frozen = tuple(stages[name] for name in frozen)
        if fixed_norm:
            self._frozen += tuple(part for part in self.backbone.modules() if isinstance(part, _BatchNorm))
        self.train(self.training)

    def train(self, mode: bool = True) -> "EmbeddingNet":
        """Like `nn.Module.train`, but frozen parts stay in evaluation mode, so their batch-norm is fixed."""
        super().train(mode)
        for stage in self._frozen:
            stage.eval()
        return self


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
