import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from lambda_app.photo.orientation import read_orientation, reverses_rows, stored_box, swaps_sides, upright


def tiff(order: str, kind: int, count: int, value: bytes, tag: int = 0x0112) -> bytes:
    """A TIFF structure with one entry."""
    start = {"<": b"II*\x00", ">": b"MM\x00*"}[order] + struct.pack(f"{order}L", 8)
    return start + struct.pack(f"{order}HHHL", 1, tag, kind, count) + value + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "letter"), [(1, "Bxxx"), (3, "Hxx"), (4, "L")])
@pytest.mark.parametrize("prefix", [b"", b"Exif\x00\x00"])
def test_the_tag_is_read_in_each_byte_order_and_integer_type(order: str, kind: int, letter: str, prefix: bytes):
    assert read_orientation(prefix + tiff(order, kind, 1, struct.pack(order + letter, 6))) == 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_agrees_with_pillow(orientation: int):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    photo = Image.fromarray(pixels)
    photo.getexif()[0x0112] = orientation
    block = photo.getexif().tobytes()
    assert read_orientation(block) == orientation
    turned = upright(Image.fromarray(pixels), orientation)
    assert turned.tobytes() == ImageOps.exif_transpose(photo).tobytes()
    assert swaps_sides(orientation) == (turned.size == (5, 7))
    first_row = upright(Image.fromarray(np.indices((5, 7))[0].astype(np.uint8)), orientation)
    assert reverses_rows(orientation) == (first_row.getpixel((0, 0)) == 4)


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"Exif\x00\x00",
        b"II*\x00\xff\xff\xff\xff",
        b"no TIFF at all",
        tiff("<", 3, 1, struct.pack("<Hxx", 9)),
        tiff("<", 3, 1, struct.pack("<Hxx", 0)),
        tiff("<", 3, 2, struct.pack("<HH", 6, 6)),
        tiff("<", 5, 1, struct.pack("<L", 6)),
        tiff("<", 3, 1, struct.pack("<Hxx", 6), tag=0x0113),
        tiff("<", 3, 1, struct.pack("<Hxx", 6))[:-8],
    ],
)
def test_a_block_that_names_none_is_upright(block: bytes):
    assert read_orientation(block) == 1


@pytest.mark.parametrize("packet", [b'<x tiff:Orientation="8"/>', b"<tiff:Orientation>8</tiff:Orientation>"])
def test_xmp_counts_where_exif_names_none(packet: bytes):
    assert read_orientation(b"", packet) == 8
    assert read_orientation(tiff("<", 3, 1, struct.pack("<Hxx", 6)), packet) == 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_of_the_upright_photo_is_found_where_it_is_stored(orientation: int):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    stored = Image.fromarray(pixels)
    turned = upright(stored, orientation)
    box = (1, 2, 3, 5)
    part = stored.crop(stored_box(box, turned.size, orientation))
    assert upright(part, orientation).tobytes() == turned.crop(box).tobytes()
