"""Check the settings from which training starts, before the first photo is decoded."""

import torch

from training.errors import WeightsError
from training.network.backbone import backbone_of, tag_in
from training.network.embedding_net import EmbeddingNet
from training.network.weights import backbone_in, check_backbone, fitted
from training.network.weights_file import local_copy, metadata_of, read_state

_CLASSES = 2  # any number: the heads are not checked


def check_start(
    backbone: str, weights: str, freeze: str, size: int | None = None, *, small: float = 1.0, download: bool = True
) -> None:
    """Check that the backbone exists, has the stage to freeze, and that the initial weights exist and fit it.

    The network is made without memory for its weights, so this takes as long as reading the file of weights.

    Args:
        size: side of the photos in pixels; None for the backbone's own.
        small: the setting of that name: a smaller side in the first part of the run, as a share.
        download: whether weights of the backbone's library are downloaded, if they are the initial ones.

    Raises:
        WeightsError: names the setting, and the values that are possible.
    """
    with torch.device("meta"):
        model = EmbeddingNet(backbone_of(backbone, weights), _CLASSES, size=size)
    model.freeze(freeze)
    _check_features(model)
    if small < 1 and model.source.fixed_size:
        raise WeightsError(f"small is {small:g}; it must be 1, because {model.name} takes only one size of photos")
    if weights == "none":
        if freeze == "all":
            raise WeightsError(
                "--freeze all with --weights none: the features of random weights say nothing of a photo; give the "
                "weights to start from"
            )
        return
    if weights == "imagenet" or tag_in(weights):
        if download:
            check_backbone(model, model.source.pretrained(model.size), f"the pretrained weights of {model.name}")
        return
    with local_copy(weights) as path:
        fitted(model, backbone_in(read_state(path, weights)), metadata_of(path), weights)


def _check_features(model: EmbeddingNet) -> None:
    """Check that the network takes photos of its size, and gives one vector of features for each."""
    try:
        shape = tuple(model.eval().features(torch.zeros(1, 3, model.size, model.size, device="meta")).shape)
    except Exception as exc:  # a network may fail in any way for a size that does not suit it
        reason = (str(exc).strip() or type(exc).__name__).splitlines()[0]
        raise WeightsError(f"{model.name} does not take photos of {model.size} pixels: {reason}") from exc
    if shape != (1, model.width):
        raise WeightsError(
            f"{model.name} gives features of shape {shape}, not (1, {model.width}); it cannot be used as a backbone"
        )
