"""Convert uint8 photos to the input of the network, on the device."""

import torch
from torch import Tensor

from lambda_app.photo.rules import Preprocessing


def copy_to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a small CPU tensor to the device. On a GPU the copy is asynchronous: the host does not wait for it."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def to_unit(photos: Tensor) -> Tensor:
    """uint8 (n, size, size, 3) -> float32 (n, 3, size, size) in [0, 1]."""
    # Divide by a tensor: for a Python number, CUDA multiplies by the rounded reciprocal instead.
    return photos.permute(0, 3, 1, 2).float().div_(torch.full((1,), 255.0, device=photos.device))


def normalise(unit: Tensor, settings: Preprocessing) -> Tensor:
    """Normalise on the device, with the same float32 operations in the same order as serving's `normalise`.

    Args:
        unit: float32 (n, 3, size, size) in [0, 1]; overwritten.
    """
    mean = copy_to_device(torch.tensor(settings.mean), unit.device).view(3, 1, 1)
    std = copy_to_device(torch.tensor(settings.std), unit.device).view(3, 1, 1)
    return unit.sub_(mean).div_(std)


def to_input(photos: Tensor, settings: Preprocessing) -> Tensor:
    """The network's input in evaluation: uint8 (n, size, size, 3) -> normalised float32 (n, 3, size, size)."""
    return normalise(to_unit(photos), settings)
