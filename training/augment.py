"""Training-time augmentation, batched on the device, and the device's own normalisation.

The only transform beside `lambda_app.preprocessing`: it starts from the same letterboxed pixels and ends in the same
normalised input.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lambda_app.photo_rules import Preprocessing

_EXCHANGES = 2.0  # share of products with exchanged channels, over the strength of the other colour changes


@dataclass(frozen=True)
class Augmentation:
    """How far a training photo may be moved and recoloured.

    Attributes:
        rotation: degrees to either side; 180 is any turn.
        crop: largest share of a side that is zoomed in on, or out by as much; shifts go up to half of it. 0 leaves
            the frame alone.
        colour: largest relative change of brightness, contrast and saturation; twice as large a share of the products
            is seen with their colour channels exchanged. 0 leaves the colours alone.
    """

    rotation: float
    crop: float
    colour: float


@dataclass(frozen=True)
class Changes:
    """What is done to each of n photos; drawn by `draw_changes`.

    Attributes:
        theta: maps from output to input coordinates, float32 (n, 2, 3).
        factors: of brightness, contrast and saturation, float32 (3, n, 1, 1, 1); None where colours stay.
        channels: which colour channel goes where, int64 (n, 3); None where each stays.
    """

    theta: Tensor
    factors: Tensor | None
    channels: Tensor | None

    def of(self, part: slice) -> "Changes":
        """Those of some of the photos."""
        return Changes(
            self.theta[part],
            None if self.factors is None else self.factors[:, part],
            None if self.channels is None else self.channels[part],
        )


def to_unit(photos: Tensor) -> Tensor:
    """uint8 (n, size, size, 3) -> float32 (n, 3, size, size) in [0, 1]."""
    # A tensor as divisor: CUDA turns division by a plain number into a product with its rounded reciprocal.
    return photos.permute(0, 3, 1, 2).float().div_(torch.full((1,), 255.0, device=photos.device))


def normalise(unit: Tensor, settings: Preprocessing) -> Tensor:
    """The last two steps of `lambda_app.preprocessing.normalise`, on the device: the same float32 operations in order.

    Args:
        unit: float32 (n, 3, size, size) in [0, 1]; overwritten.
    """
    mean = torch.tensor(settings.mean, device=unit.device).view(3, 1, 1)
    std = torch.tensor(settings.std, device=unit.device).view(3, 1, 1)
    return unit.sub_(mean).div_(std)


def to_input(photos: Tensor, settings: Preprocessing) -> Tensor:
    """What evaluation feeds the network: uint8 (n, size, size, 3) -> normalised float32 (n, 3, size, size)."""
    return normalise(to_unit(photos), settings)


def augment(unit: Tensor, limits: Augmentation, generator: torch.Generator, twins: Tensor | None = None) -> Tensor:
    """Turn, mirror, zoom, shift and recolour every photo by its own random amounts: see `draw_changes`, `change`."""
    return change(unit, draw_changes(len(unit), limits, generator, twins))


def draw_changes(count: int, limits: Augmentation, generator: torch.Generator, twins: Tensor | None = None) -> Changes:
    """Draw what is to be done to each of `count` photos.

    Args:
        limits: how far.
        generator: on the CPU, so that the same seed draws the same amounts on any device.
        twins: int64 (n,), for each photo the one whose mirroring and exchange of colour channels it shares: a
            product and its mirror image, or it in other colours, are two different things, so photos that are to stay
            alike are changed alike. None for each its own mirroring, and no exchange.
    """
    theta = _affine(count, limits, generator, twins)
    if limits.colour <= 0:
        return Changes(theta, None, None)
    factors = 1 + limits.colour * _spread((3, count, 1, 1, 1), generator)
    if twins is None:
        return Changes(theta, factors, None)
    return Changes(theta, factors, _channels(count, limits, generator)[twins])


def change(unit: Tensor, changes: Changes) -> Tensor:
    """Do to each photo what was drawn for it.

    Args:
        unit: float32 (n, 3, size, size) in [0, 1].

    Returns:
        float32, same shape and range; what comes into the frame is black, as the letterbox is.
    """
    grid = F.affine_grid(changes.theta.to(unit.device), list(unit.shape), align_corners=False)
    moved = F.grid_sample(unit, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    if changes.factors is None:
        return moved
    recoloured = _recolour(moved, changes.factors.to(unit.device))
    if changes.channels is None:
        return recoloured
    channels = changes.channels.to(unit.device)
    return torch.gather(recoloured, 1, channels[:, :, None, None].expand_as(recoloured))


def _channels(count: int, limits: Augmentation, generator: torch.Generator) -> Tensor:
    """For each photo which channel goes where, int64 (n, 3): a random order for a share of them, as it is for others.

    What a thing is does not hang on its colours, and a small catalogue shows each kind in a few of them only.
    """
    order = torch.rand((count, 3), generator=generator).argsort(dim=1)
    exchanged = torch.rand((count, 1), generator=generator) < _EXCHANGES * limits.colour
    return torch.where(exchanged, order, torch.arange(3))


def _affine(count: int, limits: Augmentation, generator: torch.Generator, twins: Tensor | None) -> Tensor:
    """Maps from output to input coordinates, float32 (n, 2, 3)."""
    angle = _spread((count,), generator) * math.radians(limits.rotation)
    # In as often as out, so that things are on average as large as evaluation shows them (Touvron et al. 2019).
    zoom = (1 - limits.crop) ** _spread((count,), generator)
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    mirror = mirror if twins is None else mirror[twins]
    shift = 0.5 * limits.crop * _spread((count, 2), generator)
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    first = torch.stack([cos * mirror, -sin, shift[:, 0]], dim=1)
    second = torch.stack([sin * mirror, cos, shift[:, 1]], dim=1)
    return torch.stack([first, second], dim=1)


def _recolour(unit: Tensor, factors: Tensor) -> Tensor:
    brightness, contrast, saturation = factors
    lit = unit * brightness
    middle = lit.mean(dim=(1, 2, 3), keepdim=True)
    contrasted = torch.lerp(middle.expand_as(lit), lit, contrast)
    grey = contrasted.mean(dim=1, keepdim=True)
    return torch.lerp(grey.expand_as(contrasted), contrasted, saturation).clamp_(0, 1)


def _spread(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Uniform in [-1, 1)."""
    return torch.rand(shape, generator=generator) * 2 - 1
