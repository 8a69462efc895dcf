"""Load the weights that training starts from; save and load the weights file of a release."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from lambda_app.release.manifest import sha256_of
from training.errors import WeightsError
from training.network.backbone import NAMED, backbone_of, tag_in
from training.network.embedding_net import EMBEDDING_DIM, EmbeddingNet
from training.network.weights_file import METADATA, local_copy, metadata_of, read_file, read_state

log = logging.getLogger(__name__)


def start_from(model: EmbeddingNet, source: str, categories: Sequence[str]) -> None:
    """Load the weights that training starts from, in place.

    Args:
        model: for `categories`, with random weights.
        source: "none"; "imagenet" or a tag for the weights of the backbone's library; or the path or s3:// URI of a
            state dict (.pt, .pth or .safetensors) of the bare backbone or of an `EmbeddingNet` such as a release's
            `weights.safetensors`, heads included.
        categories: in index order; the categories of a release keep their rows of the classifier.

    Raises:
        WeightsError: the file cannot be read, or its keys or shapes do not match; the message names them.
    """
    if source == "none":
        return
    if source == "imagenet" or tag_in(source):
        model.backbone.load_state_dict(
            check_backbone(model, model.source.pretrained(model.size), f"the pretrained weights of {model.name}")
        )
        return
    with local_copy(source) as path:
        state = read_state(path, source)
        metadata = metadata_of(path)
        model.backbone.load_state_dict(fitted(model, backbone_in(state), metadata, source))
        if any(key.startswith("backbone.") for key in state):
            _load_heads(model, state, categories, metadata, source)


def starting_network(
    backbone: str, weights: str, categories: Sequence[str], size: int, dim: int = EMBEDDING_DIM
) -> EmbeddingNet:
    """The network from which training starts.

    Args:
        backbone, weights: the settings of these names.
        size: side of the photos in pixels.
        dim: dimension of the embedding.

    Raises:
        WeightsError: see `start_from`.
    """
    model = EmbeddingNet(backbone_of(backbone, weights), len(categories), dim, size)
    start_from(model, weights, categories)
    return model


def weights_identity(source: str) -> str:
    """The identity of the initial weights: their name, or the digest of the file.

    Raises:
        WeightsError: no such file.
    """
    if source in NAMED or tag_in(source):
        return source
    with local_copy(source) as path:
        return sha256_of(path)


def save_weights(
    path: Path, backbone: str, state: Mapping[str, Tensor], categories: Sequence[str], size: int | None = None
) -> None:
    """Write a network's state dict atomically (temporary file, then rename); `load_weights` reads it back.

    Args:
        backbone: the `name` of its `EmbeddingNet`.
        size: side of the photos in pixels for which it was built; None for the backbone's own.
    """
    # One entry only: safetensors writes several in random order, so equal weights would get different digests.
    metadata = {METADATA: json.dumps({"backbone": backbone, "categories": list(categories), "size": size})}
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
        dim = state["embedding.weight"].shape[0]
        # Older files have no size: their backbones do not depend on it.
        model = EmbeddingNet(metadata["backbone"], len(categories), dim, metadata.get("size"))
        model.load_state_dict(state)
    except (KeyError, RuntimeError) as exc:
        raise WeightsError(f"{path} does not contain the weights of a trained network: {exc}") from exc
    return model.eval(), categories


def categories_of(source: str) -> tuple[str, ...] | None:
    """The categories stored in the weights file `source`; None if it stores none."""
    if source in NAMED or tag_in(source) or not source.endswith(".safetensors"):
        return None
    with local_copy(source) as path:
        named = metadata_of(path).get("categories")
    return tuple(named) if named else None


def backbone_in(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The part of a state dict that belongs to the backbone: all of it, unless it has the heads of an EmbeddingNet."""
    own = {key.removeprefix("backbone."): value for key, value in state.items() if key.startswith("backbone.")}
    return own or dict(state)


def fitted(
    model: EmbeddingNet, state: Mapping[str, Tensor], metadata: Mapping[str, Any], source: str
) -> dict[str, Tensor]:
    """A file's state dict of the backbone, for the photo size of `model`.

    The positions of a transformer belong to a photo size. For another size, timm interpolates them.

    Args:
        metadata: of the file; its "size" is the photo size, else it is the backbone's own.

    Raises:
        WeightsError: see `check_backbone`; or the backbone cannot change its size.
    """
    before = int(metadata.get("size") or model.source.own_input().size)
    if not model.source.fixed_size or before == model.size:
        return check_backbone(model, state, source)
    other = EmbeddingNet(model.source, 1, size=before)
    resize: Any = getattr(other.backbone, "set_input_size", None)
    if resize is None:
        raise WeightsError(f"{source} is for photos of {before} pixels, and {model.name} cannot change its size")
    other.backbone.load_state_dict(check_backbone(other, state, source))
    resize(img_size=(model.size, model.size))
    changed: dict[str, Tensor] = other.backbone.state_dict()
    return changed


def check_backbone(model: EmbeddingNet, state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """The part of a state dict that the backbone of `model` loads.

    Raises:
        WeightsError: names or shapes differ from those of the backbone.
    """
    expected = model.backbone.state_dict()
    given = {key: value for key, value in state.items() if key in expected or not key.startswith(model.dropped)}
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
