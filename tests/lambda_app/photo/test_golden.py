"""What six photos become, pixel for pixel: a change of `load_rgb` or of Pillow that moves pixels must be seen.

The embeddings of a release hold only while the pixels do. The photos in `golden/` were made once and are kept as files,
for encoders change between versions of Pillow: on a gradient of red, green and blue, 14 rectangles, ellipses and lines
of colours by numpy's `default_rng` (flat areas and hard edges), saved by Pillow 13 as

- turned.jpg: 120 x 80, 4:2:0, EXIF orientation 6, quality 85;
- large.jpg: 640 x 480, 4:2:0, quality 60; decoded at 1/8 of its scale for a target of 48;
- cmyk.jpg: 64 x 96, CMYK, quality 85;
- alpha.webp: 90 x 60, lossy, quality 80; opaque on the right, transparent on the left and in a block;
- palette.png: 29 x 48, 16 colours, the first four translucent; never resized, borders of 9 and 10 pixels;
- sixteen.png: 48 x 31, 16-bit grey, a gradient with noise; never resized.

PNG decodes to one result only, and its two photos already have their size: their pixels are held to a digest. Decoders
of JPEG and WebP, and the resize, may round a colour up or down as the processor has it: the other four are held to the
pixels in `<name>.expected.png`, which `load_rgb` made, give or take 1 of 255.
"""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lambda_app.photo.preprocessing import load_rgb
from lambda_app.photo.rules import Preprocessing

GOLDEN = Path(__file__).parent / "golden"
SETTINGS = Preprocessing(size=48)


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("palette.png", "0b0f992636da6d1966fdb7220dc85ef16c73a1b56bd89d50d20f7c793863aa40"),
        ("sixteen.png", "fe00cf1294ba0f7c8e34b47a268448fbbfe92260403b1361c5e1bb60a110ce31"),
    ],
)
def test_a_lossless_photo_of_its_size_becomes_the_same_bytes(name: str, digest: str):
    pixels = load_rgb((GOLDEN / name).read_bytes(), SETTINGS)
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == digest


@pytest.mark.parametrize("name", ["turned.jpg", "large.jpg", "cmyk.jpg", "alpha.webp"])
def test_a_lossy_photo_becomes_the_same_pixels(name: str):
    photo = GOLDEN / name
    pixels = load_rgb(photo.read_bytes(), SETTINGS)
    expected = np.asarray(Image.open(photo.with_suffix(".expected.png")))
    assert np.abs(pixels.astype(np.int64) - expected).max() <= 1
