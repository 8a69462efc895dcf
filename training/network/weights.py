"""Load the weights that training starts from; save and load the weights file of a release."""

import json
import logging
import shutil
import tempfile
import urllib.error
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import safetensors
import safetensors.torch
import torch
import torchvision
from torch import Tensor

from training.errors import WeightsError
from training.network import half_resnet
from training.network.embedding_net import EmbeddingNet

log = logging.getLogger(__name__)
_NAMED = ("imagenet", "none")
_METADATA = "network"


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
        _load_backbone(model, _imagenet(model.name), "torchvision's ImageNet weights")
        return
    with local_copy(source) as path:
        state = _unwrap(_read(path), source)
        if not any(key.startswith("backbone.") for key in state):
            _load_backbone(model, state, source)
            return
        backbone = {key[len("backbone.") :]: value for key, value in state.items() if key.startswith("backbone.")}
        _load_backbone(model, backbone, source)
        _load_heads(model, state, categories, _metadata(path), source)


def save_weights(path: Path, backbone: str, state: Mapping[str, Tensor], categories: Sequence[str]) -> None:
    """Write a network's state dict atomically (temporary file, then rename); `load_weights` reads it back.

    Args:
        backbone: the `name` argument of its `EmbeddingNet`.
    """
    # One entry only: safetensors writes several in random order, so equal weights would get different digests.
    metadata = {_METADATA: json.dumps({"backbone": backbone, "categories": list(categories)})}
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
        metadata = _metadata(path)
        categories = tuple(metadata["categories"])
        state = _read(path)
        model = EmbeddingNet(metadata["backbone"], len(categories), state["embedding.weight"].shape[0])
        model.load_state_dict(state)
    except (KeyError, RuntimeError) as exc:
        raise WeightsError(f"{path} does not contain the weights of a trained network: {exc}") from exc
    return model.eval(), categories


def categories_of(source: str) -> tuple[str, ...] | None:
    """The categories stored in the weights file `source`; None if it stores none."""
    if source in _NAMED or not source.endswith(".safetensors"):
        return None
    with local_copy(source) as path:
        named = _metadata(path).get("categories")
    return tuple(named) if named else None


@contextmanager
def local_copy(source: str) -> Iterator[Path]:
    """A local path for a path or an s3:// URI. A downloaded file is deleted when the block ends.

    Raises:
        WeightsError: no such file or object.
    """
    if not source.startswith("s3://"):
        if not Path(source).is_file():
            raise WeightsError(f"--weights {source}: no such file (other values: imagenet, none, or an s3:// URI)")
        yield Path(source)
        return
    folder = Path(tempfile.mkdtemp(prefix="lookalike-weights-"))
    try:
        path = folder / Path(urlsplit(source).path).name
        _download(source, path)
        yield path
    finally:
        shutil.rmtree(folder)


def _download(uri: str, path: Path) -> None:
    import boto3  # slow to import, and not needed for local weights
    from botocore.exceptions import BotoCoreError, ClientError

    parts = urlsplit(uri)
    try:
        boto3.client("s3").download_file(parts.netloc, parts.path.lstrip("/"), str(path))
    except (BotoCoreError, ClientError) as exc:
        raise WeightsError(f"--weights {uri} cannot be downloaded: {exc}") from exc


def _imagenet(name: str) -> dict[str, Tensor]:
    if name == half_resnet.NAME:
        raise WeightsError(
            f"--weights imagenet: {name} has no ImageNet weights; use --weights none or the path of a state dict"
        )
    best = torchvision.models.get_model_weights(name).DEFAULT
    log.info("starting from torchvision's %s", best)
    try:
        state: dict[str, Tensor] = best.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (urllib.error.URLError, OSError, RuntimeError) as exc:
        raise WeightsError(
            f"--weights imagenet: {best.url} cannot be downloaded ({exc}); without internet, set --weights to the "
            "path or s3:// URI of that file, or to none"
        ) from exc
    return state


def _read(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (
        Exception
    ) as exc:  # the errors of torch for damaged files or non-tensor content have no other common base class
        reason = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
        raise WeightsError(f"{path.name} does not load as a state dict: {reason}") from exc


def _metadata(path: Path) -> dict[str, Any]:
    if path.suffix != ".safetensors":
        return {}
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            found = json.loads((file.metadata() or {}).get(_METADATA, "{}"))
    except (OSError, ValueError, safetensors.SafetensorError) as exc:
        raise WeightsError(f"{path} is not a safetensors file: {exc}") from exc
    return found if isinstance(found, dict) else {}


def _unwrap(state: Any, source: str) -> dict[str, Tensor]:
    """The state dict inside a training script's checkpoint, without the "module." prefix of DataParallel."""
    for key in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{source} is not a state dict of tensors")
    return {str(key).removeprefix("module."): value for key, value in state.items()}


def _load_backbone(model: EmbeddingNet, state: Mapping[str, Tensor], source: str) -> None:
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
    model.backbone.load_state_dict(given)


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
