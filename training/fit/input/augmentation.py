"""Training-time augmentation, in batches on the device.

The only transform besides `lambda_app.photo.preprocessing`; it starts from the same letterboxed pixels. The random
amounts are drawn on the CPU, a few numbers for each photo. The pixels are changed on the device, by operations whose
shapes do not depend on values, so the host never waits for the device.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from training.network.input import copy_to_device

_EXCHANGES = 2.0  # share of products with exchanged channels, over the strength of the other colour changes
# Exponent of the largest change of proportions, over that of the zoom. In torchvision's RandomResizedCrop, whose
# defaults follow Szegedy et al. 2015 (section 6), a side goes down to 0.28 and proportions to 3/4, which is 0.28^0.23.
_PROPORTIONS = 0.23
# As Zhong et al. 2020, "Random Erasing Data Augmentation", set them: share of the frame, and height over width.
_ERASED_AREA = (0.02, 0.4)
_ERASED_ASPECT = 0.3


@dataclass(frozen=True)
class Augmentation:
    """How far a training photo may be moved, recoloured and covered.

    Attributes:
        rotation: degrees to either side; 180 is any turn, and with the mirroring that half of the photos get, any
            flip: to flip upside down is to mirror and turn by 180 degrees.
        crop: largest share of a side that is zoomed in on, or out by as much; shifts go up to half of it, and
            proportions change with it as in a random resized crop. 0 leaves the frame alone.
        colour: largest relative change of brightness, contrast and saturation; twice as large a share of the products
            is seen with their colour channels exchanged. 0 leaves the colours alone.
        erasing: share of the photos in which a rectangle is painted over in one random colour.
    """

    rotation: float
    crop: float
    colour: float
    erasing: float = 0.0


@dataclass(frozen=True)
class Changes:
    """What is done to each of n photos; drawn by `draw_changes`. Where colours stay, or nothing is erased: None.

    Attributes:
        theta: maps from output to input coordinates, float32 (n, 2, 3).
        mix: what of each colour channel goes into each, float32 (n, 3, 3).
        lift: what of the photo's mean is added to all, float32 (n, 1, 1).
        erased: left, top, right and bottom of the rectangle as shares of the frame, float32 (n, 4); all 0 for none.
        paint: what it is filled with, float32 (n, 3).
    """

    theta: Tensor
    mix: Tensor | None = None
    lift: Tensor | None = None
    erased: Tensor | None = None
    paint: Tensor | None = None

    def of(self, part: slice) -> "Changes":
        """Those of some of the photos."""
        return self._each(lambda value: value[part])

    def to(self, device: torch.device) -> "Changes":
        """The same on a device."""
        return self._each(lambda value: copy_to_device(value, device))

    def _each(self, done: Callable[[Tensor], Tensor]) -> "Changes":
        drawn = {name: value for name, value in vars(self).items() if value is not None}
        return Changes(**{name: done(value) for name, value in drawn.items()})


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
    mix = lift = erased = paint = None
    if limits.colour > 0:
        mix, lift = _colours(count, limits, generator)
        if twins is not None:
            channels = _channels(count, limits, generator)[twins]
            mix = mix.gather(1, channels[:, :, None].expand_as(mix))
    if limits.erasing > 0:
        erased = _rectangles(count, limits, generator)
        paint = torch.rand((count, 3), generator=generator)
    return Changes(theta, mix, lift, erased, paint)


def change(unit: Tensor, changes: Changes, side: int | None = None) -> Tensor:
    """Do to each photo what was drawn for it.

    Args:
        unit: float32 (n, 3, size, size) in [0, 1].
        side: of the photos that come out, in pixels; None for the size that they have.

    Returns:
        float32 (n, 3, side, side) in [0, 1]; what comes into the frame is black, as the letterbox is.
    """
    changes = changes.to(unit.device)
    grid = _grid(changes.theta, _centres(side or unit.shape[-1], unit.device))
    moved = F.grid_sample(unit, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    if changes.mix is not None and changes.lift is not None:
        moved = _recolour(moved, changes.mix, changes.lift)
    if changes.erased is not None and changes.paint is not None:
        moved = _paint_over(moved, changes.erased, changes.paint)
    return moved


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
    stretch = (1 - limits.crop) ** (0.5 * _PROPORTIONS * _spread((count,), generator))
    width, height = mirror * zoom * stretch, zoom / stretch
    cos, sin = torch.cos(angle), torch.sin(angle)
    first = torch.stack([cos * width, -sin * height, shift[:, 0]], dim=1)
    second = torch.stack([sin * width, cos * height, shift[:, 1]], dim=1)
    return torch.stack([first, second], dim=1)


def _colours(count: int, limits: Augmentation, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Brightness, contrast and saturation as `Changes.mix` and `Changes.lift`.

    A photo is multiplied by its brightness b, then drawn away from its mean, by the contrast c, and each pixel from
    its grey, by the saturation s; all three are linear: c b (s I + (1 - s) / 3) times the pixel, and (1 - c) b times
    the photo's mean.
    """
    brightness, contrast, saturation = 1 + limits.colour * _spread((3, count, 1, 1), generator)
    mix = contrast * brightness * (saturation * torch.eye(3) + (1 - saturation) / 3)
    return mix, (1 - contrast) * brightness


def _rectangles(count: int, limits: Augmentation, generator: torch.Generator) -> Tensor:
    """`Changes.erased`: a rectangle within the frame for a share of the photos, an empty one for the others."""
    chosen, share, across, down = torch.rand((4, count), generator=generator)
    area = _ERASED_AREA[0] + (_ERASED_AREA[1] - _ERASED_AREA[0]) * share
    aspect = _ERASED_ASPECT ** _spread((count,), generator)
    width, height = torch.sqrt(area / aspect).clamp(max=1), torch.sqrt(area * aspect).clamp(max=1)
    left, top = across * (1 - width), down * (1 - height)
    corners = torch.stack([left, top, left + width, top + height], dim=1)
    return torch.where((chosen < limits.erasing)[:, None], corners, 0.0)


def _grid(theta: Tensor, centres: Tensor) -> Tensor:
    """Where in the input each output pixel is taken from, (n, side, side, 2) in [-1, 1]: as `F.affine_grid`, faster."""
    centres = 2 * centres - 1
    across = centres[:, None] * theta[:, None, None, :, 0]  # (n, 1, size, 2)
    down = centres[:, None, None] * theta[:, None, None, :, 1] + theta[:, None, None, :, 2]  # (n, size, 1, 2)
    return across + down


def _recolour(unit: Tensor, mix: Tensor, lift: Tensor) -> Tensor:
    pixels = unit.flatten(2)  # (n, 3, size * size)
    middle = pixels.mean(dim=(1, 2), keepdim=True)
    return torch.baddbmm(lift * middle, mix, pixels).clamp_(0, 1).view_as(unit)


def _paint_over(unit: Tensor, erased: Tensor, paint: Tensor) -> Tensor:
    left, top, right, bottom = erased[:, :, None].unbind(dim=1)  # each (n, 1)
    centres = _centres(unit.shape[-1], unit.device)
    columns, rows = (left <= centres) & (centres < right), (top <= centres) & (centres < bottom)  # (n, size)
    return torch.where((rows[:, :, None] & columns[:, None, :])[:, None], paint[:, :, None, None], unit)


def _centres(side: int, device: torch.device) -> Tensor:
    """Of the pixels along a side, as shares of it: (side,)."""
    return (torch.arange(side, device=device) + 0.5) / side


def _spread(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Uniform in [-1, 1)."""
    return torch.rand(shape, generator=generator) * 2 - 1
