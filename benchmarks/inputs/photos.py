"""Photos like those of a phone: JPEG with detail at every scale."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

# Width, height: 12 megapixels from the camera, and 0.5 megapixels after scaling in a frontend.
PHONE = (4000, 3000)
SMALL = (816, 612)
# As phones write JPEG: chroma at half the resolution, and about 2 bits per pixel at this quality.
_QUALITY = 90
_COARSEST = 1024  # pixels: the size of the largest patches
_CONTRAST, _FINE_CONTRAST = 12.0, 1.5


def make_photo(size: tuple[int, int], seed: int = 0) -> bytes:
    """A baseline JPEG, 4:2:0, quality 90.

    Patches of every size below 1,024 pixels have the same contrast, as in photos of real scenes: their power falls with
    the square of the frequency (Field 1987, "Relations between the statistics of natural images and the response
    properties of cortical cells"). Patches of 1 and 2 pixels have less contrast, because of the lens and the sensor.

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
    """The photo of this size. It is made once and kept in `folder`."""
    path = folder / f"{size[0]}x{size[1]}.jpg"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_bytes(make_photo(size))
        partial.replace(path)
    return path.read_bytes()


def _layer(random: np.random.Generator, size: tuple[int, int], patch: int) -> npt.NDArray[np.float32]:
    """Random patches of one size: float32 (height, width, 3) with unit contrast, more in brightness than in colour."""
    coarse = (-(-size[1] // patch) + 1, -(-size[0] // patch) + 1)
    brightness = random.normal(size=(*coarse, 1))
    colour = random.normal(size=(*coarse, 3))
    values = (brightness + 0.3 * colour).astype(np.float32)
    planes = [
        Image.fromarray(values[..., channel]).resize((coarse[1] * patch, coarse[0] * patch), Image.Resampling.BICUBIC)
        for channel in range(3)
    ]
    return np.stack([np.asarray(plane)[: size[1], : size[0]] for plane in planes], axis=-1)
