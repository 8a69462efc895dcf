import io

import numpy as np
import pytest
from PIL import Image

from lambda_app.errors import PhotoTooLargeError
from lambda_app.photo.avif import read_avif
from lambda_app.photo.preprocessing import load_rgb
from lambda_app.photo.rules import PhotoLimits, Preprocessing
from tests.releases import encode

SIZE = Preprocessing(size=64)


def scene(mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 4)).astype(np.uint8)
    return Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC).convert(mode)


def test_exif_does_not_reach_the_decoder():
    exif = Image.Exif()
    exif[0x010E] = "a description"
    data = encode(scene(), "AVIF", exif=exif)
    damaged = data.replace(exif.tobytes().removeprefix(b"Exif\x00\x00")[:8], b"no TIFF!")
    assert damaged != data
    plain = encode(scene(), "AVIF")
    for each in (data, damaged):
        with Image.open(io.BytesIO(read_avif(each).data)) as photo:
            assert "exif" not in photo.info
        assert np.array_equal(load_rgb(each, SIZE), load_rgb(plain, SIZE))


@pytest.mark.parametrize("brand", [b"mif1", b"miaf", b"MA1B"])
def test_the_first_brand_may_be_another(brand: bytes):
    data = encode(scene(), "AVIF")
    assert data[8:12] == b"avif"
    assert np.array_equal(load_rgb(data[:8] + brand + data[12:], SIZE), load_rgb(data, SIZE))


def test_transparent_photos_are_laid_on_the_background():
    photo = scene()
    photo.putalpha(Image.new("L", (64, 64), 0))
    data = encode(photo, "AVIF", quality=100)
    assert load_rgb(data, SIZE).max() <= 2
    assert load_rgb(data, Preprocessing(size=64, background="white")).min() >= 253


def test_it_may_have_two_fifths_of_the_pixels_of_others():
    data = encode(scene(), "AVIF")
    load_rgb(data, SIZE, PhotoLimits(pixels=10_240))
    with pytest.raises(PhotoTooLargeError, match="an AVIF of 64 x 64 = 4,096 pixels; the limit is 4,095"):
        load_rgb(data, SIZE, PhotoLimits(pixels=10_239))


def test_a_large_file_is_refused():
    with pytest.raises(PhotoTooLargeError, match="AVIF of 10,485,761 bytes; the limit is 10,485,760"):
        load_rgb(b"\x00\x00\x00\x14ftypavif" + bytes((10 << 20) - 11), SIZE)
