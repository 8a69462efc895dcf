"""Damaged EXIF, XMP and ICC blocks in photos that are sound otherwise."""

import struct
import zlib
from random import Random

from reliability.fuzz.photos import jpeg, png, webp
from reliability.fuzz.photos.sound import SIDES, pick

_MOST = 65_533  # bytes of a JPEG segment
# Name of the chunk, and what stands before the block in it.
_PNG = {"exif": (b"eXIf", b""), "xmp": (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0"), "icc": (b"iCCP", b"icc\0\0")}
_XMP = b"http://ns.adobe.com/xap/1.0/\0"


def exif(random: Random) -> bytes:
    """A TIFF structure: entries that overlap, point nowhere or in a circle, have odd types, or an odd orientation."""
    order = random.choice("<>")
    start = random.choice((8, 8, 8, 0, 7, 1 << 31))
    count = random.choice((1, 12, 5_000, 65_535))
    entries = []
    for _ in range(min(count, 5_000)):
        tag = random.choice((0x0112, 0x8769, 0x8825, 0x014A, 0x0201, random.randrange(1 << 16)))
        kind, size = (
            random.choice((1, 2, 3, 4, 5, 7, 12, 13, 99, 65_535)),
            random.choice((0, 1, 8, 60_000, (1 << 32) - 1)),
        )
        value = random.choice((1, 6, 8, 9, 0, 8, 65_535, (1 << 32) - 1))
        entries.append(struct.pack(f"{order}HHLL", tag, kind, size, value))
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HL", 42, start) + struct.pack(f"{order}H", count)
    after = struct.pack(f"{order}L", random.choice((0, 8, 1 << 31)))
    data = head + b"".join(entries) + after + random.randbytes(random.choice((0, 100)))
    return data if random.random() < 0.8 else data[: random.randrange(len(data))]


def xmp(random: Random) -> bytes:
    """An XMP packet: very long, very deep, with an odd orientation, or no XML."""
    return random.choice(
        (
            b'<x tiff:Orientation="%d"/>' % random.choice((0, 1, 6, 8, 9)),
            b"<a>" * 20_000,
            b'<!DOCTYPE a [<!ENTITY b "' + b"c" * 1000 + b'"><!ENTITY d "' + b"&b;" * 1000 + b'">]><a>&d;</a>',
            b'tiff:Orientation="' * 3000,
            random.randbytes(5000),
            b"",
        )
    )


def icc(random: Random) -> bytes:
    """An ICC profile: empty, random, cut, or with a table of very many tags."""
    size = random.choice((0, 20, 128, 200, 5_000))
    head = struct.pack(">I4sI4s4s4s", random.choice((size, 0, 1 << 31)), b"lcms", 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    head = head.ljust(36, b"\0") + b"acsp" + bytes(88)
    table = struct.pack(">I", random.choice((0, 3, 100, 1 << 31)))
    table += b"".join(
        random.choice((b"rTRC", b"rXYZ", b"A2B0", b"desc"))
        + struct.pack(">II", random.choice((0, 128, 1 << 31)), random.choice((0, 40, 1 << 31)))
        for _ in range(20)
    )
    return random.choice((head + table + random.randbytes(size), random.randbytes(size), (head + table)[:size], b""))


def metadata(random: Random) -> bytes:
    """A photo with such blocks, each up to three times."""
    kind = random.choice(("jpeg", "png", "webp"))
    blocks = [
        (name, make(random)) for name, make in (("exif", exif), ("xmp", xmp), ("icc", icc)) if random.random() < 0.6
    ]
    blocks *= random.choice((1, 1, 3))
    data = pick(random, kind)
    if kind == "jpeg":
        segments = jpeg.read_segments(data)
        prefix = {
            "exif": (0xE1, b"Exif\0\0"),
            "xmp": (0xE1, _XMP),
            "icc": (0xE2, b"ICC_PROFILE\0" + random.randbytes(2)),
        }
        made = [jpeg.segment(prefix[name][0], (prefix[name][1] + block)[:_MOST]) for name, block in blocks]
        return jpeg.joined([segments[0], *made, *segments[1:]])
    if kind == "png":
        chunks = png.read_chunks(data)
        made_chunks = [(_PNG[name][0], _PNG[name][1] + _packed(random, name, block)) for name, block in blocks]
        return png.png([chunks[0], *made_chunks, *chunks[1:]])
    pictures = [entry for entry in webp.read_chunks(data) if entry[0] != b"VP8X"]
    names = {"exif": b"EXIF", "xmp": b"XMP ", "icc": b"ICCP"}
    return webp.webp([webp.canvas(0b111100, *SIDES), *((names[name], block) for name, block in blocks), *pictures])


def _packed(random: Random, name: str, block: bytes) -> bytes:
    """Profiles are compressed in a PNG, but for those that are damaged."""
    return zlib.compress(block) if name == "icc" and random.random() < 0.8 else block
