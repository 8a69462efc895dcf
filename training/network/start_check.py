"""Check the settings from which training starts, before the first photo is decoded."""

from collections.abc import Mapping

import torch
from torch import Tensor

from training.network.embedding_net import EmbeddingNet
from training.network.weights import check_backbone
from training.network.weights_file import imagenet_weights, local_copy, read_state

_CLASSES = 2  # any number: the heads are not checked


def check_start(backbone: str, weights: str, freeze: str) -> None:
    """Check that the backbone exists, has the stage to freeze, and that the initial weights exist and fit it.

    The network is made without memory for its weights, so this takes as long as reading the file of weights.

    Raises:
        WeightsError: names the setting, and the values that are possible.
    """
    with torch.device("meta"):
        model = EmbeddingNet(backbone, _CLASSES)
    model.freeze(freeze)
    if weights == "none":
        return
    if weights == "imagenet":
        imagenet_weights(backbone)
        return
    with local_copy(weights) as path:
        check_backbone(model, _backbone_of(read_state(path, weights)), weights)


def _backbone_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The part of a state dict that belongs to the backbone: all of it, unless it has the heads of an EmbeddingNet."""
    own = {key.removeprefix("backbone."): value for key, value in state.items() if key.startswith("backbone.")}
    return own or dict(state)
