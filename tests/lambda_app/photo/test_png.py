import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from lambda_app.errors import PhotoTooLargeError
from lambda_app.photo.png import MOST_CHUNKS, SIGNATURE, read_png
from lambda_app.photo.preprocessing import load_rgb
from lambda_app.photo.rules import PhotoLimits, Preprocessing
from tests.releases import encode

SIZE = Preprocessing(size=32)
LIMITS = PhotoLimits()


def noise(mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 4)).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def blank(width: int, height: int, bits: int, colour: int) -> bytes:
    """A PNG whose rows are all zero."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    rows = (1 + -(-width * bits * channels // 8)) * height
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(3)) if colour == 3 else b""
    return SIGNATURE + chunk(b"IHDR", header) + palette + chunk(b"IDAT", zlib.compress(bytes(rows))) + chunk(b"IEND")


def test_a_million_chunks_are_refused_before_anything_is_decoded():
    data = encode(noise(), "PNG")
    begun = time.process_time()
    with pytest.raises(PhotoTooLargeError, match="more than 10,000 chunks, which is the limit"):
        load_rgb(data[:33] + chunk(b"teXt") * 1_000_000 + data[33:], SIZE)
    assert time.process_time() - begun < 1.0  # a decode takes 10 s
    with pytest.raises(PhotoTooLargeError, match="more than 10,000 chunks"):
        load_rgb(data[:33] + chunk(b"IDAT") * MOST_CHUNKS + data[33:], SIZE)


@pytest.mark.parametrize(
    "extra", [chunk(b"teXt", b"private"), chunk(b"eXIf", b"private"), chunk(b"zTXt", b"private\0\0x")]
)
def test_metadata_goes_no_further(extra: bytes):
    data = encode(noise(), "PNG")
    read = read_png(data[:33] + extra + data[33:] + b"private tail", LIMITS)
    assert read.data == data


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_what_decides_pixels_is_kept(mode: str):
    data = encode(noise(mode), "PNG", **({"transparency": 3} if mode == "P" else {}))
    assert read_png(data, LIMITS).data == data
    assert Image.open(io.BytesIO(read_png(data, LIMITS).data)).info == Image.open(io.BytesIO(data)).info


def test_the_orientation_is_read_from_exif_and_else_from_xmp():
    exif = Image.Exif()
    exif[0x0112] = 8
    assert read_png(encode(noise(), "PNG", exif=exif), LIMITS).orientation == 8
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", '<rdf:Description tiff:Orientation="3"/>')
    assert read_png(encode(noise(), "PNG", pnginfo=info), LIMITS).orientation == 3


@pytest.mark.parametrize(
    ("bits", "colour", "passes"), [(8, 6, True), (16, 4, True), (16, 6, False), (16, 0, True), (1, 3, True)]
)
def test_the_bytes_of_its_rows_are_limited(bits: int, colour: int, passes: bool):
    limits = PhotoLimits(pixels=300 * 200)
    if passes:
        load_rgb(blank(300, 200, bits, colour), SIZE, limits)
    else:
        with pytest.raises(PhotoTooLargeError, match="4 channels of 16 bits = 480,000 bytes; the limit is 240,000"):
            load_rgb(blank(300, 200, bits, colour), SIZE, limits)


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"acTL", b"1"),
        chunk(b"pHYs", bytes(9))[:-4] + b"xxxx",
        chunk(b"pHYs", b"\x00\x01"),
        chunk(b"sRGB"),
        chunk(b"gAMA", b"\x00"),
        chunk(b"tEXt", b"x\x00y")[:-4] + bytes(4),
        chunk(b"zTXt", b"x\x00\x00" + zlib.compress(bytes(2_000_000))),
        chunk(b"eXIf", b"no TIFF"),
        chunk(b"iCCP", b"x\x00\x00no zlib"),
        chunk(b"tRNS", b"\x00"),
        chunk(b"tRNS", bytes(6))[:-4] + b"xxxx",
        chunk(b"PLTE", bytes(5)),
        struct.pack(">I", 0xFFFFFFF0) + b"tEXt" + b"longer than the file",
        bytes(4) + b"abCd" + b"none",
    ],
    ids=lambda extra: repr(extra[4:16]),
)
def test_damaged_chunks_that_decide_no_pixel_cost_nothing(extra: bytes):
    data = encode(noise(), "PNG")
    assert np.array_equal(load_rgb(data[:33] + extra + data[33:], SIZE), load_rgb(data, SIZE))


def test_a_png_without_its_end_is_whole():
    data = encode(noise(), "PNG")
    for lost in (1, 4, 12):
        assert np.array_equal(load_rgb(data[:-lost], SIZE), load_rgb(data, SIZE))
