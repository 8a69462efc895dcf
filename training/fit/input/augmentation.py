"""Data augmentation for training, in batches on the device.

The only transform besides `lambda_app.photo.preprocessing`; its input is the same letterboxed pixels. The random
parameters are drawn on the CPU, a few numbers per photo. The pixels are changed on the device. No tensor shape depends
on computed values, so the host never has to wait for the device.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from training.fit.input.shopper import Alterations, paint_margins, remove_colour
from training.network.input import copy_to_device

_PERMUTED = 2.0  # share of products with permuted colour channels, relative to `Augmentation.colour`
# Exponent that gives the largest change of the aspect ratio from the largest zoom. In torchvision's RandomResizedCrop
# (defaults from Szegedy et al. 2015, section 6) the smallest side is 0.28 and the smallest ratio 3/4 = 0.28^0.23.
_ASPECT_EXPONENT = 0.23
# As in Zhong et al. 2020, "Random Erasing Data Augmentation": share of the frame, and smallest height over width.
_ERASED_AREA = (0.02, 0.4)
_ERASED_ASPECT = 0.3


@dataclass(frozen=True)
class Augmentation:
    """Limits of the random changes of a training photo.

    Attributes:
        rotation: largest rotation in degrees, in both directions. Half of the photos are mirrored too, so 180 includes
            every rotation and flip (a vertical flip is a mirroring plus a rotation by 180 degrees).
        crop: largest share of a side that is cut off by zooming in; zooming out is by the same factor. Shifts go up to
            half of this share, and the aspect ratio changes as in a random resized crop. 0 disables all of these.
        colour: largest relative change of brightness, contrast and saturation. For a share of products twice this
            value, the colour channels are permuted. 0 disables colour changes.
        erasing: share of the photos in which a rectangle is filled with one random colour.
    """

    rotation: float
    crop: float
    colour: float
    erasing: float = 0.0


@dataclass(frozen=True)
class Changes:
    """Parameters of the changes of n photos, drawn by `draw_changes`. None: no colour changes, or no erasing.

    Attributes:
        theta: affine maps from output to input coordinates, float32 (n, 2, 3).
        mix: matrices that multiply the colour channels, float32 (n, 3, 3).
        mean_factor: this factor times the photo's mean is added to all pixels, float32 (n, 1, 1).
        erased: left, top, right and bottom of the rectangle as shares of the frame, float32 (n, 4); all 0 for none.
        paint: colour of the rectangle, float32 (n, 3).
        alterations: what shoppers do to photos; `theta` contains their linear maps already.
        alike: whether the photo still shows the same product: neither mirrored nor recoloured, bool (n,).
    """

    theta: Tensor
    alike: Tensor
    mix: Tensor | None = None
    mean_factor: Tensor | None = None
    erased: Tensor | None = None
    paint: Tensor | None = None
    alterations: Alterations | None = None

    def of(self, part: slice) -> "Changes":
        """The parameters for a slice of the photos."""
        return self._map(lambda value: value[part], lambda value: value.of(part))

    def to(self, device: torch.device) -> "Changes":
        """The same parameters on a device."""
        return self._map(lambda value: copy_to_device(value, device), lambda value: value.to(device))

    def rows(self, positions: Tensor) -> "Changes":
        """The parameters of the photos at these positions, int64 (m,)."""
        return self._map(lambda value: value[positions], lambda value: value.rows(positions))

    def altered(self, alterations: Alterations) -> "Changes":
        """The same changes, applied to photos that were altered before."""
        return replace(self, theta=alterations.linear @ self.theta, alterations=alterations)

    def _map(self, each: Callable[[Tensor], Tensor], alter: Callable[[Alterations], Alterations]) -> "Changes":
        tensors = {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
        alterations = None if self.alterations is None else alter(self.alterations)
        return Changes(**{name: each(value) for name, value in tensors.items()}, alterations=alterations)


def draw_changes(
    count: int, limits: Augmentation, generator: torch.Generator, same_as: Tensor | None = None
) -> Changes:
    """Draw the random parameters for `count` photos.

    Args:
        limits: limits of the changes.
        generator: on the CPU, so the same seed draws the same parameters on any device.
        same_as: int64 (n,), for each photo the position of the photo whose mirroring and channel order it uses. A
            mirrored or recoloured product is a different product, so all photos of one product must be mirrored and
            recoloured alike. None: each photo has its own mirroring, and channels are not permuted.
    """
    theta = _affine(count, limits, generator, same_as)
    # Rotation, zoom and stretch keep the sign of the determinant, and mirroring changes it.
    alike = theta[:, 0, 0] * theta[:, 1, 1] > theta[:, 0, 1] * theta[:, 1, 0]
    mix = mean_factor = erased = paint = None
    if limits.colour > 0:
        mix, mean_factor = _colours(count, limits, generator)
        if same_as is not None:
            channels = _channel_orders(count, limits, generator)[same_as]
            mix = mix.gather(1, channels[:, :, None].expand_as(mix))
            alike &= (channels == torch.arange(3)).all(dim=1)
    if limits.erasing > 0:
        erased = _rectangles(count, limits, generator)
        paint = torch.rand((count, 3), generator=generator)
    return Changes(theta, alike, mix, mean_factor, erased, paint)


def apply_changes(unit: Tensor, changes: Changes, side: int | None = None) -> Tensor:
    """Apply the drawn changes to the photos.

    Args:
        unit: float32 (n, 3, size, size) in [0, 1].
        side: side of the output photos in pixels; None for the input size.

    Returns:
        float32 (n, 3, side, side) in [0, 1]. Pixels from outside the input are black, like the letterbox.
    """
    changes = changes.to(unit.device)
    grid = _grid(changes.theta, _pixel_centres(side or unit.shape[-1], unit.device))
    moved = F.grid_sample(unit, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    if changes.alterations is not None:
        moved = remove_colour(paint_margins(unit, moved, grid, changes.alterations), changes.alterations)
    if changes.mix is not None and changes.mean_factor is not None:
        moved = _recolour(moved, changes.mix, changes.mean_factor)
    if changes.erased is not None and changes.paint is not None:
        moved = _paint_rectangles(moved, changes.erased, changes.paint)
    return moved


def _channel_orders(count: int, limits: Augmentation, generator: torch.Generator) -> Tensor:
    """The order of the colour channels of each photo, int64 (n, 3): random for a share of the photos, else unchanged.

    The category of a product does not depend on its colour, but a small catalogue has each kind in only a few colours.
    """
    order = torch.rand((count, 3), generator=generator).argsort(dim=1)
    permuted = torch.rand((count, 1), generator=generator) < _PERMUTED * limits.colour
    return torch.where(permuted, order, torch.arange(3))


def _affine(count: int, limits: Augmentation, generator: torch.Generator, same_as: Tensor | None) -> Tensor:
    """Affine maps from output to input coordinates, float32 (n, 2, 3)."""
    angle = _uniform((count,), generator) * math.radians(limits.rotation)
    # Zoom in and out equally often, so that objects have the same average size as in evaluation (Touvron et al. 2019).
    zoom = (1 - limits.crop) ** _uniform((count,), generator)
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    mirror = mirror if same_as is None else mirror[same_as]
    shift = 0.5 * limits.crop * _uniform((count, 2), generator)
    stretch = (1 - limits.crop) ** (0.5 * _ASPECT_EXPONENT * _uniform((count,), generator))
    width, height = mirror * zoom * stretch, zoom / stretch
    cos, sin = torch.cos(angle), torch.sin(angle)
    first = torch.stack([cos * width, -sin * height, shift[:, 0]], dim=1)
    second = torch.stack([sin * width, cos * height, shift[:, 1]], dim=1)
    return torch.stack([first, second], dim=1)


def _colours(count: int, limits: Augmentation, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random brightness, contrast and saturation, as `Changes.mix` and `Changes.mean_factor`.

    Brightness b multiplies the photo, contrast c scales the difference to the photo's mean, and saturation s scales the
    difference to each pixel's grey value. All three are linear. Together they are: c b (s I + (1 - s) / 3) times the
    pixel, plus (1 - c) b times the photo's mean.
    """
    brightness, contrast, saturation = 1 + limits.colour * _uniform((3, count, 1, 1), generator)
    mix = contrast * brightness * (saturation * torch.eye(3) + (1 - saturation) / 3)
    return mix, (1 - contrast) * brightness


def _rectangles(count: int, limits: Augmentation, generator: torch.Generator) -> Tensor:
    """`Changes.erased`: a random rectangle for a share of the photos, an empty one for the others."""
    chosen, share, across, down = torch.rand((4, count), generator=generator)
    area = _ERASED_AREA[0] + (_ERASED_AREA[1] - _ERASED_AREA[0]) * share
    aspect = _ERASED_ASPECT ** _uniform((count,), generator)
    width, height = torch.sqrt(area / aspect).clamp(max=1), torch.sqrt(area * aspect).clamp(max=1)
    left, top = across * (1 - width), down * (1 - height)
    corners = torch.stack([left, top, left + width, top + height], dim=1)
    return torch.where((chosen < limits.erasing)[:, None], corners, 0.0)


def _grid(theta: Tensor, centres: Tensor) -> Tensor:
    """Input position of each output pixel, (n, side, side, 2) in [-1, 1]; like `F.affine_grid`, but faster."""
    centres = 2 * centres - 1
    across = centres[:, None] * theta[:, None, None, :, 0]  # (n, 1, size, 2)
    down = centres[:, None, None] * theta[:, None, None, :, 1] + theta[:, None, None, :, 2]  # (n, size, 1, 2)
    return across + down


def _recolour(unit: Tensor, mix: Tensor, mean_factor: Tensor) -> Tensor:
    pixels = unit.flatten(2)  # (n, 3, size * size)
    middle = pixels.mean(dim=(1, 2), keepdim=True)
    return torch.baddbmm(mean_factor * middle, mix, pixels).clamp_(0, 1).view_as(unit)


def _paint_rectangles(unit: Tensor, erased: Tensor, paint: Tensor) -> Tensor:
    left, top, right, bottom = erased[:, :, None].unbind(dim=1)  # each (n, 1)
    centres = _pixel_centres(unit.shape[-1], unit.device)
    columns, rows = (left <= centres) & (centres < right), (top <= centres) & (centres < bottom)  # (n, size)
    return torch.where((rows[:, :, None] & columns[:, None, :])[:, None], paint[:, :, None, None], unit)


def _pixel_centres(side: int, device: torch.device) -> Tensor:
    """Centres of the pixels along a side, in [0, 1]: (side,)."""
    return (torch.arange(side, device=device) + 0.5) / side


def _uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Random values, uniform in [-1, 1)."""
    return torch.rand(shape, generator=generator) * 2 - 1
