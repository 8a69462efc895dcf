"""From uint8 photos to the input of the network, on the device."""

import torch
from torch import Tensor

from lambda_app.photo.rules import Preprocessing


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A small tensor of the host on the device; the host does not wait for what the device still has to do."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def to_unit(photos: Tensor) -> Tensor:
    """uint8 (n, size, size, 3) -> float32 (n, 3, size, size) in [0, 1]."""
    # A tensor as divisor: CUDA turns division by a plain number into a product with its rounded reciprocal.
    return photos.permute(0, 3, 1, 2).float().div_(torch.full((1,), 255.0, device=photos.device))


def normalise(unit: Tensor, settings: Preprocessing) -> Tensor:
    """Normalise on the device: the same float32 operations as `lambda_app.photo.preprocessing.normalise`, same order.

    Args:
        unit: float32 (n, 3, size, size) in [0, 1]; overwritten.
    """
    mean = sent(torch.tensor(settings.mean), unit.device).view(3, 1, 1)
    std = sent(torch.tensor(settings.std), unit.device).view(3, 1, 1)
    return unit.sub_(mean).div_(std)


def to_input(photos: Tensor, settings: Preprocessing) -> Tensor:
    """What evaluation feeds the network: uint8 (n, size, size, 3) -> normalised float32 (n, 3, size, size)."""
    return normalise(to_unit(photos), settings)
