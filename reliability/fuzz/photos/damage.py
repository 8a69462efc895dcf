"""Damage that does not know the format: cuts, flipped bits, inserted, removed, repeated and exchanged bytes."""

from random import Random

from reliability.fuzz.photos.sound import pick

# Values that lengths, counts and markers take in attacks.
TELLING = (b"\x00", b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff\xd9", b"\xff\xda")


def truncated(random: Random) -> bytes:
    """A photo that ends early."""
    data = pick(random)
    return data[: random.randrange(len(data))]


def bits_flipped(random: Random) -> bytes:
    """1 to 200 bits are flipped."""
    data = bytearray(pick(random))
    for _ in range(random.choice((1, 2, 5, 20, 200))):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(data)


def header_bits_flipped(random: Random) -> bytes:
    """A few bits among the first 64 bytes are flipped, the signature excepted."""
    data = bytearray(pick(random))
    for _ in range(random.randint(1, 4)):
        data[random.randrange(12, 64)] ^= 1 << random.randrange(8)
    return bytes(data)


def inserted(random: Random) -> bytes:
    """Bytes are inserted at 1 to 10 places."""
    data = pick(random)
    for _ in range(random.randint(1, 10)):
        at = random.randrange(len(data))
        data = data[:at] + _bytes(random) + data[at:]
    return data


def overwritten(random: Random) -> bytes:
    """Bytes are replaced by telling values at 1 to 10 places."""
    data = bytearray(pick(random))
    for _ in range(random.randint(1, 10)):
        at, new = random.randrange(len(data)), _bytes(random)
        data[at : at + len(new)] = new
    return bytes(data)


def removed(random: Random) -> bytes:
    """A range is missing."""
    data = pick(random)
    start, end = sorted(random.randrange(len(data)) for _ in range(2))
    return data[:start] + data[end:]


def repeated(random: Random) -> bytes:
    """A range is repeated 2 to 500 times."""
    data = pick(random)
    start, end = sorted(random.randrange(len(data)) for _ in range(2))
    return data[:start] + data[start : min(end, start + 2000)] * random.choice((2, 10, 500)) + data[end:]


def spliced(random: Random) -> bytes:
    """The beginning of a photo and the end of another."""
    one, other = pick(random), pick(random)
    return one[: random.randrange(len(one))] + other[random.randrange(len(other)) :]


def _bytes(random: Random) -> bytes:
    return random.choice(TELLING) if random.random() < 0.5 else random.randbytes(random.choice((1, 4, 64, 1000)))
