"""WebP files whose chunks are missing, repeated, wrong or of a wrong length."""

import struct
from random import Random

from PIL import Image

from reliability.fuzz.photos.sound import SIDES, encode, pick

Chunks = list[tuple[bytes, bytes]]
_NAMES = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"EXIF", b"XMP ", b"ICCP", b"JUNK")


def read_chunks(data: bytes) -> Chunks:
    """The chunks of a sound file."""
    at, found = 12, []
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        found.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


def webp(chunks: Chunks, size: int | None = None) -> bytes:
    """A file of these chunks; `size`: what its header says."""
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def canvas(flags: int, width: int, height: int) -> tuple[bytes, bytes]:
    """The chunk VP8X."""
    return b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def chunks_disturbed(random: Random) -> bytes:
    """Chunks that are missing, repeated, exchanged, damaged or new."""
    chunks = read_chunks(pick(random, "webp"))
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(chunks))
        change = random.randrange(5)
        if change == 0 and len(chunks) > 1:
            chunks.pop(at)
        elif change == 1:
            chunks += [chunks[at]] * random.choice((1, 10, 5000 if len(chunks[at][1]) < 100 else 2))
        elif change == 2:
            random.shuffle(chunks)
        elif change == 3:
            body = bytearray(chunks[at][1])
            for _ in range(random.choice((1, 5, 50))):
                body[random.randrange(len(body))] = random.randrange(256)
            chunks[at] = (chunks[at][0], bytes(body))
        else:
            chunks.insert(
                random.randrange(len(chunks) + 1),
                (random.choice(_NAMES), random.randbytes(random.choice((1, 10, 3000)))),
            )
    return webp(chunks)


def other_canvas(random: Random) -> bytes:
    """A canvas that has another size or other flags than the picture."""
    chunks = [entry for entry in read_chunks(pick(random, "webp")) if entry[0] != b"VP8X"]
    others = (1, 60, 98, 16_383, 1 << 24)
    width, height = (side if random.random() < 0.7 else random.choice(others) for side in SIDES)
    return webp([canvas(random.randrange(256), width, height), *chunks])


def wrong_lengths(random: Random) -> bytes:
    """The file or a chunk says that it has another length."""
    data = bytearray(pick(random, "webp"))
    at = random.choice((4, 16))
    value = random.choice((0, 1, len(data) // 2, len(data) - 8, len(data) + 100, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF))
    data[at : at + 4] = struct.pack("<I", value)
    return bytes(data)


def animated(random: Random) -> bytes:
    """An animated WebP, sound or damaged."""
    frames = [Image.new("RGB", (20, 20), (shade, 0, 0)) for shade in range(0, 250, 50)]
    data = bytearray(encode(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    for _ in range(random.choice((0, 1, 3))):
        data[random.randrange(12, len(data))] = random.randrange(256)
    return bytes(data)
