"""What a library of backbones builds."""

from dataclasses import dataclass

from torch import nn


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
