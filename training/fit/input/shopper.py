"""What shoppers do to a photo, as augmentation: turns, grey, margins, mirroring, in batches on the device.

A shopper's photo of a listing is often a screenshot or a copy that lost its EXIF data. The altered view has the labels
of its photo, so the network learns that it shows the same product.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from training.network.input import copy_to_device

# Probabilities of the alterations of a view, independent of each other. Trimming removes most margins already.
_TURN, _GREY, _MIRROR, _MARGINS = 0.75, 0.5, 0.5, 0.1
# Largest side of the canvas as a multiple of the side of the photo on it.
_CANVAS = 1.7
# Weights of red, green and blue in the grey value: ITU-R BT.601.
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Alterations:
    """Parameters of the alterations of n photos, drawn by `draw_alterations`. Unaltered photos have neutral values.

    Attributes:
        linear: maps from the altered photo's coordinates to the photo's, float32 (n, 2, 2): turn, mirroring, reduction.
        canvas: side of the canvas as a multiple of the side of the letterbox, float32 (n,); 1 for no margins.
        square: 1 for a square canvas, 0 for one of the photo's proportions, float32 (n,).
        paint: grey value of the canvas, float32 (n,).
        grey: whether the photo loses its colours, bool (n,).
    """

    linear: Tensor
    canvas: Tensor
    square: Tensor
    paint: Tensor
    grey: Tensor

    def of(self, part: slice) -> "Alterations":
        """The parameters for a slice of the photos."""
        return self._map(lambda value: value[part])

    def rows(self, positions: Tensor) -> "Alterations":
        """The parameters of the photos at these positions, int64 (m,)."""
        return self._map(lambda value: value[positions])

    def to(self, device: torch.device) -> "Alterations":
        """The same parameters on a device."""
        return self._map(lambda value: copy_to_device(value, device))

    def _map(self, function: Callable[[Tensor], Tensor]) -> "Alterations":
        return Alterations(**{name: function(value) for name, value in vars(self).items()})


def draw_alterations(altered: Tensor, generator: torch.Generator) -> Alterations:
    """Draw the parameters.

    Args:
        altered: bool (n,), which photos are altered.
        generator: on the CPU.
    """
    count = len(altered)
    shares = torch.tensor([_TURN, _GREY, _MIRROR, _MARGINS])[:, None]
    turned, grey, mirrored, margined = (torch.rand((4, count), generator=generator) < shares) & altered
    turns = torch.randint(1, 4, (count,), generator=generator) * turned
    cos = torch.tensor([1.0, 0.0, -1.0, 0.0])[turns]
    sin = torch.tensor([0.0, 1.0, 0.0, -1.0])[turns]
    size = 1 + (_CANVAS - 1) * torch.rand(count, generator=generator)
    square, paint = (torch.rand((2, count), generator=generator) < 0.5).float()
    canvas = torch.where(margined, size, 1.0)
    across = canvas * torch.where(mirrored, -1.0, 1.0)
    linear = torch.stack(
        [torch.stack([cos * across, -sin * canvas], 1), torch.stack([sin * across, cos * canvas], 1)], 1
    )
    return Alterations(linear, canvas, square * margined, paint, grey)


def paint_margins(photos: Tensor, moved: Tensor, grid: Tensor, alterations: Alterations) -> Tensor:
    """Fill the part of the canvas beside the photo.

    Args:
        photos: float32 (n, 3, size, size), before they were moved.
        moved: float32 (n, 3, side, side), sampled from `photos` at `grid`.
        grid: float32 (n, side, side, 2), in [-1, 1] inside `photos`.
    """
    half = _half_extents(photos)[:, None, None]  # (n, 1, 1, 2)
    canvas, square = alterations.canvas[:, None, None, None], alterations.square[:, None, None, None]
    outline = canvas * (half + (1 - half) * square)
    place = grid.abs()
    # Half a pixel at the edge of the photo is a mix with the bar beside it. The margin covers it.
    beside = (place > half - 1 / photos.shape[-1]).any(dim=3) & (place <= outline).all(dim=3)
    beside = beside & (alterations.canvas > 1)[:, None, None]
    return torch.where(beside[:, None], alterations.paint[:, None, None, None], moved)


def remove_colour(photos: Tensor, alterations: Alterations) -> Tensor:
    """The photos, float32 (n, 3, side, side), the chosen ones in grey."""
    luma = copy_to_device(torch.tensor(_LUMA), photos.device).view(3, 1, 1)
    return torch.where(alterations.grey[:, None, None, None], (photos * luma).sum(dim=1, keepdim=True), photos)


def _half_extents(photos: Tensor) -> Tensor:
    """Half the width and height of each photo without its letterbox bars, in units of half the side: (n, 2).

    A photo is centred, so the bars of two opposite sides are equal, up to a pixel.
    """
    size = photos.shape[-1]
    bright = photos.amax(dim=1) > 0  # (n, size, size)
    positions = torch.arange(size, device=photos.device)
    extents = []
    for dim in (1, 2):  # columns, then rows
        lit = bright.any(dim=dim)
        first = torch.where(lit, positions, size).amin(dim=1)
        last = torch.where(lit, positions, -1).amax(dim=1)
        bar = torch.minimum(first, size - 1 - last).clamp(min=0)
        extents.append(torch.where(lit.any(dim=1), 1 - 2 * bar / size, 1.0))
    return torch.stack(extents, dim=1)
