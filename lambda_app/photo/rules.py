"""Limits of a photo, and how it becomes network input. `preprocessing` implements these rules.

A separate module, because settings and manifests are read before numpy and Pillow are imported.
"""

import math
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "AVIF": "image/avif"}


class Preprocessing(BaseModel):
    """How photos become network input; part of the manifest.

    Attributes:
        size: side of the square input, in pixels.
        fit: how a photo fills the square; "letterbox" keeps the aspect ratio and centres the photo on black;
            "trimmed" does so without the photo's uniform borders: see `trimming`. "crop" fills the square with the
            centre of the photo; what lies outside is not seen.
        crop: side of the centre as a share of the photo's short side, for the fit "crop".
        interpolation: resampling filter of the resize.
        background: what transparent photos are laid on. The margin of the letterbox is black in any case.
        mean, std: per channel (R, G, B), of pixels scaled to [0, 1].
    """

    model_config = ConfigDict(frozen=True)

    size: int = Field(default=224, ge=16, le=1024)
    fit: Literal["letterbox", "trimmed", "crop"] = "letterbox"
    crop: float = Field(default=1.0, ge=0.5, le=1)
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    # Not the default of training: releases that do not name it were made with black.
    background: Literal["black", "white"] = "black"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


@dataclass(frozen=True)
class PhotoPart:
    """A part of an upright photo: its place and size, relative to the photo's width and height.

    Attributes:
        left, top: from 0 to 1.
        width, height: above 0; the part ends within the photo.
    """

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0

    def pixels(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the pixels that the part touches, at least one, in a photo of this size."""
        left, right = _touched(self.left, self.width, width)
        top, bottom = _touched(self.top, self.height, height)
        return left, top, right, bottom


WHOLE_PHOTO = PhotoPart()


@dataclass(frozen=True)
class PhotoLimits:
    """Largest accepted photo, and most work that it may ask for. Checked in its file, before anything is decoded."""

    pixels: int = 64_000_000
    side: int = 16_384

    @property
    def samples(self) -> int:
        """Samples that all scans of a JPEG may visit. Encoders write 14 for a pixel in 4:4:4, 24 in CMYK."""
        return 25 * self.pixels

    @property
    def row_bytes(self) -> int:
        """Bytes that the rows of a PNG may have. RGBA has 4 for a pixel, 16-bit RGB 6."""
        return 4 * self.pixels

    @property
    def avif_pixels(self) -> int:
        """Pixels of an AVIF, which takes several times the work of a JPEG."""
        return 2 * self.pixels // 5


def _touched(start: float, share: float, side: int) -> tuple[int, int]:
    """First pixel and the one after the last. A millionth of a pixel is left to the rounding of the shares."""
    first = min(side - 1, math.floor(start * side + 1e-6))
    end = min(side, math.ceil((start + share) * side - 1e-6))
    return first, max(end, first + 1)
