"""Load the weights that training starts from; save and load the weights file of a release."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from training.errors import WeightsError
from training.network.embedding_net import EmbeddingNet
from training.network.weights_file import (
    METADATA,
    NAMED,
    imagenet_weights,
    local_copy,
    metadata_of,
    read_file,
    read_state,
)

log = logging.getLogger(__name__)


def start_from(model: EmbeddingNet, source: str, categories: Sequence[str]) -> None:
    """Load the weights that training starts from, in place.

    Args:
        model: for `categories`, with random weights.
        source: "none"; "imagenet" for torchvision's best weights; or the path or s3:// URI of a state dict (.pt, .pth
            or .safetensors) of the bare torchvision backbone or of an `EmbeddingNet` such as a release's
            `weights.safetensors`, heads included.
        categories: in index order; the categories of a release keep their rows of the classifier.

    Raises:
        WeightsError: the file cannot be read, or its keys or shapes do not match; the message names them.
    """
    if source == "none":
        return
    if source == "imagenet":
        _load_backbone(model, imagenet_weights(model.name), "torchvision's ImageNet weights")
        return
    with local_copy(source) as path:
        state = read_state(path, source)
        if not any(key.startswith("backbone.") for key in state):
            _load_backbone(model, state, source)
            return
        backbone = {key[len("backbone.") :]: value for key, value in state.items() if key.startswith("backbone.")}
        _load_backbone(model, backbone, source)
        _load_heads(model, state, categories, metadata_of(path), source)


def save_weights(path: Path, backbone: str, state: Mapping[str, Tensor], categories: Sequence[str]) -> None:
    """Write a network's state dict atomically (temporary file, then rename); `load_weights` reads it back.

    Args:
        backbone: the `name` argument of its `EmbeddingNet`.
    """
    # One entry only: safetensors writes several in random order, so equal weights would get different digests.
    metadata = {METADATA: json.dumps({"backbone": backbone, "categories": list(categories)})}
    partial = path.with_name(f".{path.name}.partial")
    tensors = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    safetensors.torch.save_file(tensors, partial, metadata)
    partial.replace(path)


def load_weights(path: Path) -> tuple[EmbeddingNet, tuple[str, ...]]:
    """A trained network, in evaluation mode, and its categories.

    Raises:
        WeightsError: the file is not one that `save_weights` wrote.
    """
    try:
        metadata = metadata_of(path)
        categories = tuple(metadata["categories"])
        state = read_file(path)
        model = EmbeddingNet(metadata["backbone"], len(categories), state["embedding.weight"].shape[0])
        model.load_state_dict(state)
    except (KeyError, RuntimeError) as exc:
        raise WeightsError(f"{path} does not contain the weights of a trained network: {exc}") from exc
    return model.eval(), categories


def categories_of(source: str) -> tuple[str, ...] | None:
    """The categories stored in the weights file `source`; None if it stores none."""
    if source in NAMED or not source.endswith(".safetensors"):
        return None
    with local_copy(source) as path:
        named = metadata_of(path).get("categories")
    return tuple(named) if named else None


def check_backbone(model: EmbeddingNet, state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """The part of a state dict that the backbone of `model` loads.

    Raises:
        WeightsError: names or shapes differ from those of the backbone.
    """
    expected = model.backbone.state_dict()
    given = {key: value for key, value in state.items() if not key.startswith(f"{model.head_name}.")}
    missing, surplus = sorted(expected.keys() - given.keys()), sorted(given.keys() - expected.keys())
    if missing or surplus:
        raise WeightsError(
            f"{source} is not a state dict of {model.name}: missing {_shorten(missing)}; unexpected {_shorten(surplus)}"
        )
    for key, value in given.items():
        if value.shape != expected[key].shape:
            raise WeightsError(
                f"{source} is not a state dict of {model.name}: {key} has shape {tuple(value.shape)}, "
                f"not {tuple(expected[key].shape)}"
            )
    return given


def _load_backbone(model: EmbeddingNet, state: Mapping[str, Tensor], source: str) -> None:
    model.backbone.load_state_dict(check_backbone(model, state, source))


def _load_heads(
    model: EmbeddingNet,
    state: Mapping[str, Tensor],
    categories: Sequence[str],
    metadata: Mapping[str, Any],
    source: str,
) -> None:
    own = model.embedding.state_dict()
    embedding = {key: state.get(f"embedding.{key}") for key in own}
    if all(value is not None and value.shape == own[key].shape for key, value in embedding.items()):
        model.embedding.load_state_dict(embedding)
    else:
        log.warning("%s: its embedding head is missing or has another shape; starting with a random one", source)
    before = tuple(metadata["categories"]) if "categories" in metadata else None
    _load_classifier(model, state, categories, before, source)


def _load_classifier(
    model: EmbeddingNet,
    state: Mapping[str, Tensor],
    categories: Sequence[str],
    before: tuple[str, ...] | None,
    source: str,
) -> None:
    """Copy the rows of the old categories, which must be the first ones; the rows of new categories stay random."""
    weight, bias = state.get("classifier.weight"), state.get("classifier.bias")
    if weight is None or bias is None or weight.shape[1:] != model.classifier.weight.shape[1:]:
        log.warning("%s: its classifier is missing or has another shape; starting with a random one", source)
        return
    known = before if before is not None else tuple(categories[: len(weight)])
    if len(weight) > len(categories) or tuple(categories[: len(known)]) != known:
        log.warning(
            "%s: its %d categories are not the first categories of this dataset; starting with a random classifier",
            source,
            len(weight),
        )
        return
    with torch.no_grad():
        model.classifier.weight[: len(weight)].copy_(weight)
        model.classifier.bias[: len(weight)].copy_(bias)
    log.info(
        "%s: the classifier keeps the rows of %d categories; %d categories are new",
        source,
        len(weight),
        len(categories) - len(weight),
    )


def _shorten(keys: Sequence[str], shown: int = 5) -> str:
    if not keys:
        return "nothing"
    return ", ".join(keys[:shown]) + (f" and {len(keys) - shown} more" if len(keys) > shown else "")
