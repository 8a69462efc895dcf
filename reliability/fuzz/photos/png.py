"""PNGs built chunk by chunk, with checksums that are right: headers, orders, lengths and pixel data that are not."""

import struct
import zlib
from random import Random

from PIL import Image

from reliability.fuzz.photos.sound import MOST_BYTES, encode, pick

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_DEPTHS = (1, 2, 4, 8, 16)
_ANCILLARY = (
    b"tEXt",
    b"zTXt",
    b"iTXt",
    b"gAMA",
    b"cHRM",
    b"sRGB",
    b"pHYs",
    b"tIME",
    b"bKGD",
    b"hIST",
    b"sPLT",
    b"eXIf",
)
Chunks = list[tuple[bytes, bytes]]


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def header(width: int, height: int, depth: int, colour: int, interlaced: int = 0) -> bytes:
    """The content of IHDR."""
    return struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)


def png(chunks: Chunks) -> bytes:
    """A file of these chunks."""
    return SIGNATURE + b"".join(chunk(name, data) for name, data in chunks)


def read_chunks(data: bytes) -> Chunks:
    """The chunks of a sound file."""
    at, found = len(SIGNATURE), []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += size + 12
    return found


def other_header(random: Random) -> bytes:
    """Another size, depth, colour type or interlacing than the pixel data has."""
    chunks = read_chunks(pick(random, "png"))
    sizes = (0, 1, 2, 97, 1000, 16_384, 65_535, 1 << 30, (1 << 31) - 1, (1 << 32) - 1)
    made = header(
        random.choice(sizes),
        random.choice(sizes),
        random.choice(_DEPTHS),
        random.choice((*CHANNELS, 1, 5, 7)),
        random.randint(0, 2),
    )
    return png([(b"IHDR", made), *chunks[1:]])


def other_pixels(random: Random) -> bytes:
    """Too few or too many rows, wrong filters, a stream that is none, or a stream in thousands of chunks."""
    width, height, colour = random.choice((1, 31, 300)), random.choice((1, 31, 300)), random.choice(tuple(CHANNELS))
    filters = random.choice(((0,), (0, 1, 2, 3, 4), (0, 1, 2, 3, 4), (4, 5, 255)))
    rows = b"".join(bytes([random.choice(filters)]) + random.randbytes(width * CHANNELS[colour]) for _ in range(height))
    stream = zlib.compress(
        rows[: int(len(rows) * random.choice((0, 0.5, 1, 1, 1)))] + bytes(random.choice((0, 0, 10**6)))
    )
    stream = random.choice((stream, stream, stream[: len(stream) // 2], b"", b"\x78\x9c" + random.randbytes(50)))
    step = random.choice((1, 7, 10**9))
    parts: Chunks = [(b"IDAT", stream[at : at + step]) for at in range(0, len(stream), step)]
    if random.random() < 0.2:
        parts = [(b"IDAT", b"")] * random.choice((100, 9_000, 12_000)) + parts
    palette: Chunks = [(b"PLTE", random.randbytes(3 * random.choice((1, 16, 256))))] if colour == 3 else []
    return png([(b"IHDR", header(width, height, 8, colour)), *palette, *parts, (b"IEND", b"")])


def chunks_disturbed(random: Random) -> bytes:
    """Chunks that are missing, repeated, exchanged, inserted or damaged."""
    chunks = read_chunks(pick(random, "png"))
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(chunks))
        change = random.randrange(5)
        if change == 0:
            chunks.pop(at)
        elif change == 1:
            chunks.insert(random.randrange(len(chunks) + 1), chunks[at])
        elif change == 2:
            random.shuffle(chunks)
        elif change == 3:
            chunks.insert(
                at, (random.choice((*_ANCILLARY, random.randbytes(4))), random.randbytes(random.choice((0, 9, 5000))))
            )
        else:
            chunks[at] = (chunks[at][0], random.randbytes(len(chunks[at][1])))
        if not chunks:
            break
    return png(chunks)


def wrong_lengths(random: Random) -> bytes:
    """A length or a checksum of a chunk is another."""
    data = pick(random, "png")
    at = len(SIGNATURE)
    for _ in range(random.randrange(len(read_chunks(data)))):
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    if random.random() < 0.3:
        at += 8 + int.from_bytes(data[at : at + 4], "big")  # the checksum
    new = random.choice((b"\0\0\0\0", b"\0\0\0\1", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", random.randbytes(4)))
    return data[:at] + new + data[at + 4 :]


def palettes(random: Random) -> bytes:
    """Pixels outside of the palette, palettes and transparencies of a wrong length or in a wrong place."""
    width, height, depth = 40, 30, random.choice((1, 2, 4, 8))
    rows = b"".join(b"\0" + random.randbytes(-(-width * depth // 8)) for _ in range(height))
    chunks: Chunks = [(b"IHDR", header(width, height, depth, random.choice((3, 3, 0, 2))))]
    extra: Chunks = [
        (b"PLTE", random.randbytes(random.choice((0, 3, 4, 30, 768, 771, 3000)))),
        (b"tRNS", random.randbytes(random.choice((0, 1, 2, 6, 256, 300)))),
    ]
    random.shuffle(extra)
    chunks += [*random.sample(extra, random.randint(0, 2)), (b"IDAT", zlib.compress(rows))]
    chunks += [*random.sample(extra, random.randint(0, 1)), (b"IEND", b"")]
    return png(chunks)


def inflating(random: Random) -> bytes:
    """Metadata of megabytes that is compressed to kilobytes, or very many chunks of it."""
    chunks = read_chunks(pick(random, "png"))
    bomb = zlib.compress(bytes(random.choice((1 << 20, 64 << 20))), 9)
    text = random.choice(
        (
            (b"zTXt", b"Comment\0\0" + bomb),
            (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb),
            (b"iCCP", b"icc\0\0" + bomb),
            (b"tEXt", b"Comment\0" + bytes(random.choice((1000, 3 << 20)))),
        )
    )
    count = min(random.choice((1, 1, 20, 20_000)), MOST_BYTES // (len(text[1]) + 12))
    return png([chunks[0], *[text] * count, *chunks[1:]])


def animated(random: Random) -> bytes:
    """An animated PNG: sound, or with frames that do not fit."""
    frames = [Image.new("RGB", (20, 20), (shade, 0, 0)) for shade in range(0, 250, 50)]
    data = encode(frames[0], "PNG", save_all=True, append_images=frames[1:])
    if random.random() < 0.3:
        return data
    chunks = read_chunks(data)
    at = random.choice([place for place, (name, _) in enumerate(chunks) if name in (b"acTL", b"fcTL", b"fdAT")])
    name, content = chunks[at]
    size = random.choice((len(content), len(content), len(content) // 2))
    chunks[at] = (name, random.choice((random.randbytes(size), bytes(size), b"\xff" * size)))
    return png(chunks)
