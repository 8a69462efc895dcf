"""Backbones of torchvision, and the small one of this project: how they are built, their weights and their input."""

import logging
import urllib.error
from dataclasses import dataclass
from typing import Any, cast

import torchvision
from torch import Tensor, nn

from lambda_app.photo.rules import Preprocessing
from training.errors import WeightsError
from training.network import half_resnet
from training.network.built import WITHOUT_INTERNET, Built

log = logging.getLogger(__name__)
_CLASSES = 1000
# The argument that sets the input size, for the models that accept only one size.
_SIZE_ARGUMENT = dict.fromkeys(("vit_b_16", "vit_b_32", "vit_h_14", "vit_l_16", "vit_l_32"), "image_size")
# In training, these two also return the outputs of auxiliary classifiers; they are left out.
_AUXILIARY = {"googlenet": ("aux1.", "aux2."), "inception_v3": ("AuxLogits.",)}


def names() -> list[str]:
    """The names of all models that end in a classifier, without those of other tasks."""
    return [*torchvision.models.list_models(module=torchvision.models), half_resnet.NAME]


@dataclass(frozen=True)
class TorchvisionBackbone:
    """A model of torchvision.

    Attributes:
        model: its name in torchvision, or that of this project's own model.
        tag: pretrained weights, such as "IMAGENET1K_V2"; empty for torchvision's best.
    """

    model: str
    tag: str = ""

    @property
    def name(self) -> str:
        """The name as `--backbone` takes it, which is stored with the weights."""
        return self.model

    @property
    def fixed_size(self) -> bool:
        """Whether the network accepts only the size for which it is built."""
        return self.model in _SIZE_ARGUMENT or self.model == "maxvit_t"

    def build(self, size: int) -> Built:
        """The network with random weights, without its classifier, for photos of `size` pixels.

        Raises:
            WeightsError: it does not end in a linear classifier.
        """
        network = self._network(size)
        linear = [path for path, module in network.named_modules() if isinstance(module, nn.Linear)]
        if not linear or network.get_submodule(linear[-1]).out_features != _CLASSES:
            raise WeightsError(
                f"{self.model} does not end in a linear classifier with 1,000 classes, so it cannot be used as a "
                "backbone"
            )
        parent, _, child = linear[-1].rpartition(".")
        width = int(cast(nn.Linear, network.get_submodule(linear[-1])).in_features)
        setattr(network.get_submodule(parent), child, nn.Identity())
        dropped = (f"{linear[-1]}.", *_AUXILIARY.get(self.model, ()))
        return Built(network, dropped, width)

    def merged(self, network: nn.Module) -> nn.Module:
        """The network itself: torchvision's models have no branches that can be merged."""
        return network

    def own_input(self) -> Preprocessing:
        """How photos become the input of the pretrained network. torchvision scales the short side, then cuts."""
        if self.model == half_resnet.NAME:
            return Preprocessing()
        rules = self._weights().transforms()
        size, short_side = rules.crop_size[0], rules.resize_size[0]
        return Preprocessing(
            size=size,
            fit="crop",
            crop=min(1.0, size / short_side),
            interpolation="bicubic" if rules.interpolation.value == "bicubic" else "bilinear",
            mean=tuple(rules.mean),
            std=tuple(rules.std),
        )

    def pretrained(self, size: int) -> dict[str, Tensor]:  # noqa: ARG002 - the same for every size
        """The pretrained weights, downloaded once.

        Raises:
            WeightsError: there are none, or they cannot be downloaded.
        """
        weights = self._weights()
        log.info("starting from torchvision's %s", weights)
        try:
            state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        except (urllib.error.URLError, OSError, RuntimeError) as exc:
            raise WeightsError(
                f"--weights {self.tag or 'imagenet'}: {weights.url} cannot be downloaded ({exc}); "
                f"{WITHOUT_INTERNET.format(file='that file')}"
            ) from exc
        return state

    def _network(self, size: int) -> nn.Module:
        if self.model == half_resnet.NAME:
            return half_resnet.HalfResNet10()
        options: dict[str, Any] = {}
        if self.model in _SIZE_ARGUMENT:
            options[_SIZE_ARGUMENT[self.model]] = size
        if self.model == "maxvit_t":
            options["input_size"] = (size, size)
        if self.model in _AUXILIARY:
            # Their weights were trained with another normalisation; the network converts its input to it.
            options |= {"aux_logits": False, "init_weights": True, "transform_input": True}
        network: nn.Module = torchvision.models.get_model(self.model, weights=None, **options)
        return network

    def _weights(self) -> Any:
        """The entry of torchvision's list of weights.

        Raises:
            WeightsError: the model has no pretrained weights, or none with this tag.
        """
        if self.model == half_resnet.NAME:
            raise WeightsError(
                f"--weights imagenet: {self.model} has no ImageNet weights; use --weights none or the path of a state "
                "dict"
            )
        known = torchvision.models.get_model_weights(self.model)
        if not self.tag:
            return known.DEFAULT
        return known[self.tag]


def tag_of(model: str, text: str) -> str | None:
    """The weights that `text` means: "V2" and "imagenet1k_v2" mean "IMAGENET1K_V2". None if there are none."""
    if model == half_resnet.NAME:
        return None
    known = [weights.name for weights in torchvision.models.get_model_weights(model)]
    wanted = text.upper()
    return next((name for name in known if wanted in (name, name.removeprefix("IMAGENET1K_"))), None)


def tags(model: str) -> list[str]:
    """The names of a model's pretrained weights."""
    return [] if model == half_resnet.NAME else [found.name for found in torchvision.models.get_model_weights(model)]
