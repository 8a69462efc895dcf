"""Photos as a phone sends them: detail at every scale, in the JPEG that its camera writes."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

# Width, height: 12 megapixels, and the 0.5 that a frontend scales them down to.
PHONE = (4000, 3000)
SMALL = (816, 612)
# What camera phones write: chroma at half the resolution, and some 2 bits a pixel at this quality.
_QUALITY = 90
_COARSEST = 1024  # pixels: the size of the largest patches
_CONTRAST, _FINE_CONTRAST = 12.0, 1.5


def make_photo(size: tuple[int, int], seed: int = 0) -> bytes:
    """A JPEG of baseline kind, 4:2:0, quality 90.

    Patches of every size from 1,024 pixels down carry the same contrast, as in photos of real scenes, whose power falls
    with the square of the frequency (Field 1987, "Relations between the statistics of natural images and the response
    properties of cortical cells"); those of 1 and 2 pixels carry what a lens and a sensor leave of it.

    Args:
        size: width, height.
    """
    random = np.random.default_rng(seed)
    scene = np.full((size[1], size[0], 3), 128.0, np.float32)
    patch = 1
    while patch <= _COARSEST:
        contrast = _FINE_CONTRAST if patch <= 2 else _CONTRAST
        scene += contrast * _layer(random, size, patch)
        patch *= 2
    buffer = io.BytesIO()
    Image.fromarray(scene.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=_QUALITY, subsampling="4:2:0")
    return buffer.getvalue()


def photo(folder: Path, size: tuple[int, int]) -> bytes:
    """The photo of that size, made once and kept in `folder`."""
    path = folder / f"{size[0]}x{size[1]}.jpg"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_bytes(make_photo(size))
        partial.replace(path)
    return path.read_bytes()


def _layer(random: np.random.Generator, size: tuple[int, int], patch: int) -> npt.NDArray[np.float32]:
    """Random patches of one size, float32 (height, width, 3) of unit contrast, mostly of brightness."""
    coarse = (-(-size[1] // patch) + 1, -(-size[0] // patch) + 1)
    brightness = random.normal(size=(*coarse, 1))
    colour = random.normal(size=(*coarse, 3))
    values = (brightness + 0.3 * colour).astype(np.float32)
    planes = [
        Image.fromarray(values[..., channel]).resize((coarse[1] * patch, coarse[0] * patch), Image.Resampling.BICUBIC)
        for channel in range(3)
    ]
    return np.stack([np.asarray(plane)[: size[1], : size[0]] for plane in planes], axis=-1)
