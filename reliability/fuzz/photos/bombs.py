"""Small files with very many pixels, or that say so."""

import struct
import zlib
from collections.abc import Callable
from functools import cache, partial
from random import Random

from PIL import Image

from reliability.fuzz.photos.jpeg import END, segment
from reliability.fuzz.photos.png import CHANNELS, header, png
from reliability.fuzz.photos.sound import encode
from reliability.fuzz.photos.webp import canvas, webp

_BLOCK = bytes(1 << 20)
# Offset and step of the passes of an interlaced PNG (W3C PNG, third edition, section 8.1): across, down.
_PASSES = (
    ((0, 8), (0, 8)),
    ((4, 8), (0, 8)),
    ((0, 4), (4, 8)),
    ((2, 4), (0, 4)),
    ((0, 2), (2, 4)),
    ((1, 2), (0, 2)),
    ((0, 1), (1, 2)),
)


def even_png(width: int, height: int, depth: int, colour: int, interlaced: int = 0) -> bytes:
    """A PNG whose pixels are all 0."""
    bits = depth * CHANNELS[colour]
    left = height * (1 + -(-width * bits // 8))
    if interlaced:
        passes = [
            [-(-(side - first) // step) for side, (first, step) in zip((width, height), part, strict=True)]
            for part in _PASSES
        ]
        left = sum(down * (1 + -(-across * bits // 8)) for across, down in passes if across > 0 < down)
    packer = zlib.compressobj(1)
    stream = []
    while left > 0:
        stream.append(packer.compress(_BLOCK[: min(left, len(_BLOCK))]))
        left -= len(_BLOCK)
    palette = [(b"PLTE", bytes(768))] if colour == 3 else []
    data = b"".join(stream) + packer.flush()
    return png([(b"IHDR", header(width, height, depth, colour, interlaced)), *palette, (b"IDAT", data), (b"IEND", b"")])


def even_photo(kind: str, mode: str, width: int, height: int, **options: bool) -> bytes:
    """A photo of one colour."""
    return encode(Image.new(mode, (width, height), 90 if mode == "L" else (9, 90, 200)), kind, **options)


def noisy_photo(kind: str, side: int, **options: int) -> bytes:
    """A photo of noise, which takes as many bytes as a request may have."""
    return encode(Image.frombytes("RGB", (side, side), Random(side).randbytes(3 * side * side)), kind, **options)


# The limits are 50 megapixels and 16,384 pixels a side: most stand just within them.
BOMBS: tuple[Callable[[], bytes], ...] = (
    partial(even_png, 7071, 7071, 8, 2),
    partial(even_png, 7071, 7071, 8, 0),
    partial(even_png, 7071, 7071, 1, 3),
    partial(even_png, 7071, 7071, 8, 6),
    partial(even_png, 7071, 7071, 16, 2),
    partial(even_png, 6100, 6100, 16, 6),
    partial(even_png, 6100, 6100, 16, 6, 1),
    partial(even_png, 7071, 7071, 8, 4, 1),
    partial(even_png, 16_384, 3_000, 8, 2, 1),
    partial(even_png, 1, 16_384, 8, 6),
    partial(even_png, 16_384, 1, 16, 2, 1),
    partial(even_png, 16_385, 1, 8, 2),
    partial(even_png, 20_000, 20_000, 8, 0),
    partial(even_photo, "JPEG", "L", 7071, 7071),
    partial(even_photo, "JPEG", "RGB", 7071, 7071),
    partial(even_photo, "JPEG", "RGB", 7071, 7071, progressive=True),
    partial(even_photo, "JPEG", "RGB", 16_384, 3_051),
    partial(even_photo, "JPEG", "RGB", 9_000, 9_000),
    partial(even_photo, "WEBP", "RGB", 7000, 7000),
    partial(even_photo, "WEBP", "RGB", 16_383, 3_000, lossless=True),
    partial(even_photo, "WEBP", "RGB", 8_000, 8_000, lossless=True),
    partial(noisy_photo, "WEBP", 1_100, lossless=1),
    partial(noisy_photo, "WEBP", 2_000, quality=75),
    partial(noisy_photo, "JPEG", 2_200, quality=90, progressive=1),
    partial(noisy_photo, "PNG", 1_100),
)


@cache
def bomb(number: int) -> bytes:
    """One of the bombs."""
    return BOMBS[number]()


def pixel_bomb(random: Random) -> bytes:
    """A sound photo of up to 400 million pixels, in one of seven cases cut in the middle."""
    data = bomb(random.randrange(len(BOMBS)))
    return data[: len(data) // 2] if random.random() < 1 / 7 else data


def huge_header(random: Random) -> bytes:
    """Few bytes that say they are a photo of up to 2^62 pixels."""
    side = random.choice((16_384, 30_000, 65_500, 65_535))
    frame = struct.pack(">BHHB", 8, side, side, 3) + b"\1\x22\0\2\x11\1\3\x11\1"
    code = random.choice((0xC0, 0xC1, 0xC2))
    scan = b"\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\x3f\0" + random.randbytes(20)
    wide = random.choice((0x7FFFFFFF, 0xFFFFFFFF, 1 << 20))
    return random.choice(
        (
            b"\xff\xd8" + segment(code, frame)[1] + scan + bytes((0xFF, END)),
            png([(b"IHDR", header(wide, wide, 16, 6)), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]),
            webp(
                [
                    canvas(random.randrange(256), 1 << 24, 1 << 24),
                    (b"VP8L", b"\x2f\xff\xff\xff\xff" + random.randbytes(20)),
                ]
            ),
            b"BM" + struct.pack("<IIIIiiHH", 100, 0, 54, 40, 1 << 30, 1 << 30, 1, 24) + bytes(46),
            b"GIF89a\xff\xff\xff\xff\xf7\0\0" + random.randbytes(100),
            b"II*\0\x08\0\0\0" + random.randbytes(100),
        )
    )
