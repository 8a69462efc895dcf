"""Which network the settings `backbone` and `weights` mean.

A name of both libraries means torchvision's model. The prefix `timm/`, or a tag of timm's weights, means timm's:

    --backbone resnet50                             torchvision's ResNet50, its best weights
    --backbone resnet50 --weights V1                the same with other weights of torchvision
    --backbone resnet50 --weights a1_in1k           timm's ResNet50 with the weights of that tag
    --backbone resnet50.a1_in1k                     the same
    --backbone timm/resnet50                        timm's ResNet50, its default weights
    --backbone vit_base_patch16_clip_224.openai     the image tower of CLIP, which only timm has
"""

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from training.errors import WeightsError
from training.network import half_resnet, torchvision_models
from training.network.torchvision_models import TorchvisionBackbone
from training.pipeline.settings import closest

if TYPE_CHECKING:
    from training.network.timm_models import TimmBackbone

Backbone: TypeAlias = "TorchvisionBackbone | TimmBackbone"
NAMED = ("imagenet", "none")
_FILES = (".pt", ".pth", ".safetensors")
_PREFIX = "timm/"
_COMMON = ("resnet50", "resnet18", half_resnet.NAME, "tf_efficientnet_lite0", "convnext_tiny", "vit_small_patch16_224")


def backbone_of(name: str, weights: str = "none") -> Backbone:
    """The backbone that the two settings mean.

    Args:
        name: see the setting `backbone`.
        weights: see the setting `weights`. A tag in it chooses the library and the weights.

    Raises:
        WeightsError: no library has such a model, or it has no weights with such a tag; the message names others.
    """
    model, _, own_tag = name.removeprefix(_PREFIX).partition(".")
    given = tag_in(weights).removeprefix(f"{model}.")
    of_torchvision = model in torchvision_models.names() and not own_tag and not name.startswith(_PREFIX)
    if of_torchvision and not given:
        return TorchvisionBackbone(model)
    if of_torchvision and (tag := torchvision_models.tag_of(model, given)):
        return TorchvisionBackbone(model, tag)
    return _timm_backbone(name, model, given or own_tag, of_torchvision=of_torchvision)


def tag_in(weights: str) -> str:
    """The tag that the setting `weights` names, such as "a1_in1k"; empty if it names a file or is of `NAMED`."""
    is_file = "/" in weights or weights.endswith(_FILES) or Path(weights).is_file()
    return "" if weights in NAMED or is_file else weights


def _timm_backbone(name: str, model: str, tag: str, *, of_torchvision: bool) -> "TimmBackbone":
    from training.network import timm_models  # takes seconds, and torchvision's models do not need it

    if not timm_models.is_model(model):
        if of_torchvision:
            raise _no_weights(model, tag, [])
        raise WeightsError(
            f"no backbone {name!r}; try {', '.join(_COMMON)}, or another classification model of torchvision or timm"
            f"{closest(model, [*torchvision_models.names(), *timm_models.names()])}"
        )
    known = timm_models.tags(model)
    if tag and tag not in known:
        raise _no_weights(model, tag, known)
    return timm_models.TimmBackbone(model, tag)


def _no_weights(model: str, tag: str, of_timm: list[str]) -> WeightsError:
    of_torchvision = torchvision_models.tags(model) if model in torchvision_models.names() else []
    tags = [*of_torchvision, *of_timm]
    return WeightsError(
        f"--weights {tag}: no such file, and no weights of {model} with this name{closest(tag, [*NAMED, *tags])} "
        f"(other values: {', '.join([*NAMED, *tags])}, the path or s3:// URI of a state dict)"
    )
