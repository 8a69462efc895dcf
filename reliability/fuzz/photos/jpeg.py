"""JPEGs whose segments are missing, repeated, exchanged or wrong, and whose scans are very many."""

from functools import cache
from random import Random

from PIL import Image

from reliability.fuzz.photos.sound import MOST_BYTES, encode, pick

START, END, SCAN, COMMENT, RESTARTS = 0xD8, 0xD9, 0xDA, 0xFE, 0xDD
TABLES = {0xDB, 0xC4, RESTARTS}
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_CONTENT = {START, END, *range(0xD0, 0xD8), 0x01}
Segments = list[tuple[int, bytes]]


def read_segments(data: bytes) -> Segments:
    """The segments of a sound file: marker and all bytes up to the next one, the coded data of a scan included."""
    at, found = 0, []
    while at < len(data):
        code, start = data[at + 1], at
        at += 2
        if code not in _WITHOUT_CONTENT:
            at += int.from_bytes(data[at : at + 2], "big")
        if code == SCAN:
            while data[at] != 0xFF or data[at + 1] == 0 or 0xD0 <= data[at + 1] <= 0xD7:
                at += 1
        found.append((code, data[start:at]))
    return found


def segment(code: int, content: bytes) -> tuple[int, bytes]:
    """A segment of its own."""
    return code, bytes((0xFF, code)) + (len(content) + 2).to_bytes(2, "big") + content


def joined(segments: Segments) -> bytes:
    """The file of these segments."""
    return b"".join(data for _, data in segments)


def segments_disturbed(random: Random) -> bytes:
    """Segments that are missing, repeated, exchanged, damaged or new."""
    segments = read_segments(pick(random, "jpeg"))
    for _ in range(random.randint(1, 4)):
        at = random.randrange(1, len(segments)) if len(segments) > 1 else 0
        change = random.randrange(5)
        code, data = segments[at]
        if change == 0:
            segments.pop(at)
        elif change == 1:
            segments.insert(random.randrange(1, len(segments) + 1), segments[at])
        elif change == 2:
            other = random.randrange(1, len(segments)) if len(segments) > 1 else 0
            segments[at], segments[other] = segments[other], segments[at]
        elif change == 3:
            body = bytearray(data)
            for _ in range(random.randint(1, 5)):
                body[random.randrange(len(body))] = random.choice((0, 1, 0x7F, 0xFF, random.randrange(256)))
            segments[at] = (code, bytes(body))
        else:
            segments.insert(
                at, segment(random.randrange(0xC0, 0xFF), random.randbytes(random.choice((0, 1, 20, 3000))))
            )
        if not segments:
            break
    return joined(segments)


def frame_disturbed(random: Random) -> bytes:
    """Another process, precision, size, count of components or sampling than the scans have."""
    segments = read_segments(pick(random, "jpeg"))
    at = next(place for place, (code, _) in enumerate(segments) if code in FRAMES)
    frame = bytearray(segments[at][1])
    for _ in range(random.randint(1, 3)):
        place = random.choice((1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14))
        if place < len(frame):
            frame[place] = random.choice((0, 1, 2, 4, 0x11, 0x44, 0xC0, 0xC2, 0xC3, 0xC9, 0xFF, random.randrange(256)))
    segments[at] = (segments[at][0], bytes(frame))
    return joined(segments)


def tables_disturbed(random: Random) -> bytes:
    """Quantisation, Huffman and restart tables that are wrong."""
    segments = read_segments(pick(random, "jpeg"))
    for at, (code, data) in enumerate(segments):
        if code in TABLES and random.random() < 0.7:
            body = bytearray(data)
            for _ in range(random.choice((1, 5, 50))):
                body[random.randrange(4, len(body))] = random.randrange(256)
            segments[at] = (code, bytes(body))
    return joined(segments)


def many_segments(random: Random) -> bytes:
    """Hundreds or thousands of comments, application segments, tables, or filling bytes."""
    segments = read_segments(pick(random, "jpeg"))
    count = random.choice((900, 1100, 60_000))
    filler = random.choice(
        (
            segment(COMMENT, b""),
            segment(0xE0 + random.randrange(16), b"x" * 40),
            (0xFF, b"\xff"),
            (0x01, b"\xff\x01"),
            next(entry for entry in segments if entry[0] == 0xDB),
            segment(RESTARTS, b"\0\1"),
        )
    )
    return joined([segments[0], *[filler] * count, *segments[1:]])


@cache
def progressive(width: int, height: int, colours: bool) -> tuple[Segments, Segments]:
    """The segments of an even progressive photo: those before its scans, and its scans with their tables."""
    photo = Image.new("RGB" if colours else "L", (width, height), 128)
    segments = read_segments(encode(photo, "JPEG", progressive=True))
    first = next(at for at, (code, _) in enumerate(segments) if code == SCAN)
    return segments[:first], segments[first:-1]


def many_scans(random: Random) -> bytes:
    """A progressive photo whose scans are repeated, up to and beyond what is allowed."""
    sides = random.choice(((64, 64), (1000, 1000), (4000, 3000), (6000, 6000), (7000, 7000)))
    before, scans = progressive(*sides, colours=random.random() < 0.3)
    count = random.choice((20, 25, 60, 100, 490, 510, 5000))
    if random.random() < 0.5:
        scans = [random.choice([entry for entry in scans if entry[0] == SCAN])]
    most = MOST_BYTES * len(scans) // len(joined(scans))
    return joined([*before, *(scans * count)[: max(min(count, most), len(scans))], (END, b"\xff\xd9")])
