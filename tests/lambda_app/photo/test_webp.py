import numpy as np
import pytest
from PIL import Image

from lambda_app.errors import PhotoTooLargeError, UndecodablePhotoError
from lambda_app.photo.preprocessing import load_rgb
from lambda_app.photo.rules import Preprocessing
from lambda_app.photo.webp import MOST_CHUNKS, read_webp
from tests.releases import encode

SIZE = Preprocessing(size=32)


def noise(mode: str = "RGBA") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 4)).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def chunk(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("lossless", [True, False])
def test_metadata_goes_no_further(mode: str, lossless: bool):
    plain = encode(noise(mode), "WEBP", lossless=lossless)
    data = encode(
        noise(mode), "WEBP", lossless=lossless, exif=b"private", xmp=b"private", icc_profile=b"private profile"
    )
    read = read_webp(data)
    assert data.count(b"private") == 3
    assert b"private" not in read.data
    assert read.profile == b"private profile"
    assert np.array_equal(load_rgb(read.data, SIZE), load_rgb(plain, SIZE))


@pytest.mark.parametrize("extra", [chunk(b"EXIF", b"no TIFF"), b"EXIF\xff\xff\xff\xffcut", chunk(b"XMP ", b"<"), b"EX"])
def test_damaged_chunks_that_decide_no_pixel_cost_nothing(extra: bytes):
    data = encode(noise(), "WEBP")
    assert np.array_equal(load_rgb(data + extra, SIZE), load_rgb(data, SIZE))


def test_a_cut_picture_is_refused_with_the_share_that_is_there():
    data = encode(noise("RGB"), "WEBP", lossless=True)
    with pytest.raises(UndecodablePhotoError, match="does not decode: it is cut off, 49 % of its picture is there"):
        load_rgb(data[: len(data) // 2], SIZE)


def test_chunks_are_counted():
    with pytest.raises(PhotoTooLargeError, match="more than 1,000 chunks"):
        read_webp(encode(noise(), "WEBP") + chunk(b"XXXX", b"") * MOST_CHUNKS)
