"""A JPEG's frame and scans (ITU-T T.81, annexes B and G): which samples they visit, and what detail they bring."""

from dataclasses import dataclass

from lambda_app.errors import PhotoTooLargeError, UndecodablePhotoError, UnsupportedPhotoError
from lambda_app.photo.container import check_count
from lambda_app.photo.rules import PhotoLimits

# Encoders write 10 scans, optimisers a few dozen. A scan costs microseconds even if it has no data.
MOST_SCANS = 500
SCAN = b"\xff\xda"
_BASELINE, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
# Lossless, hierarchical and arithmetic coding: browsers do not show them, and decoders need ten times as long.
_OTHER_FRAMES = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}
_COEFFICIENTS = 64  # of a block
# The last scans bring the lowest bits of one colour each, which is too little to see.
_LEAST_DETAIL = 0.8
_TABLES = b"\xff\xc4"
_NEVER = 99  # the lowest bit known of a coefficient that no scan has brought


@dataclass(frozen=True)
class Frame:
    """The header of the picture.

    Attributes:
        progressive: whether scans bring the picture in growing detail.
        components: colours.
        total: samples in all.
        samples: those of each component, by its number.
        across, down: size of an interleaved unit (MCU), in pixels.
    """

    progressive: bool
    components: int
    total: int
    samples: dict[int, int]
    across: int
    down: int


def read_frame(code: int, header: bytes) -> Frame | None:
    """The frame, if a segment of this marker and content is one.

    Raises:
        UnsupportedPhotoError: a coding process that browsers do not support either.
        UndecodablePhotoError: its length is wrong.
    """
    if code in _OTHER_FRAMES:
        raise UnsupportedPhotoError(
            f"the JPEG uses coding process 0x{code:02x}; only baseline and progressive are read"
        )
    if code not in (_BASELINE, _EXTENDED, _PROGRESSIVE):
        return None
    components = [(header[at], header[at + 1] >> 4, header[at + 1] & 15) for at in range(6, len(header) - 2, 3)]
    if not components or len(header) != 6 + 3 * header[5]:
        raise damaged("the frame header has a wrong length")
    height, width = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
    most_across, most_down = (8 * max(1, *(part[side] for part in components), 1) for side in (1, 2))
    samples: dict[int, int] = {}
    total = 0
    for name, across, down in components:
        blocks = max(1, -(-width * across // most_across)) * max(1, -(-height * down // most_down))
        samples[name] = max(samples.get(name, 0), 64 * blocks)
        total += 64 * blocks
    unit = (8, 8) if len(components) == 1 else (most_across, most_down)  # a single component is not interleaved
    return Frame(code == _PROGRESSIVE, len(components), total, samples, *unit)


def check_scans(data: bytes, first: int, end: int, frame: Frame, limits: PhotoLimits) -> bool:
    """Count the work of the scans, and check that they bring the whole picture.

    A progressive picture that is cut off before its last scans has all rows, but they are blurred.

    Args:
        first: where the marker of the first scan begins.
        end: where the picture ends.

    Raises:
        PhotoTooLargeError: too many scans or samples.
        UndecodablePhotoError: scans are missing.

    Returns:
        whether the last scan only refines what others brought.
    """
    at, scans, visited, bits = first, 0, 0, 0
    known = {name: bytearray([_NEVER]) * _COEFFICIENTS for name in frame.samples}
    while 0 <= at < end:
        scans += 1
        check_count("scans", scans, MOST_SCANS)
        count = data[at + 4] if at + 4 < end else 0
        named = data[at + 5 : at + 5 + 2 * count : 2]
        visited += sum(frame.samples.get(name, 0) for name in named)
        if visited > limits.samples:
            raise PhotoTooLargeError(
                f"the photo is a JPEG of {frame.total:,} samples, and its first {scans} scans visit {visited:,}; "
                f"the limit is {limits.samples:,}"
            )
        start, stop, bits = (*data[at + 5 + 2 * count : at + 8 + 2 * count], 0, 0, 0)[:3]
        for name in named:
            if name in known and start <= stop < _COEFFICIENTS:
                band = slice(start, stop + 1) if frame.progressive else slice(0, _COEFFICIENTS)
                known[name][band] = bytes([bits & 15 if frame.progressive else 0]) * len(known[name][band])
        at = data.find(SCAN, at + 2)
    _check_detail(known, scans)
    return bits > 15


def _check_detail(known: dict[int, bytearray], scans: int) -> None:
    found = f"the photo does not decode: it is cut off. Of its scans {scans} are there"
    if any(bits[0] == _NEVER for bits in known.values()):
        raise UndecodablePhotoError(f"{found}, and a colour is missing")
    if any(map(any, known.values())):
        # A coefficient without its lowest bit is known by half, without two by a quarter.
        detail = [2.0**-bit if bit != _NEVER else 0.0 for bits in known.values() for bit in bits]
        share = sum(detail) / len(detail)
        if share < _LEAST_DETAIL:
            raise UndecodablePhotoError(f"{found}, with {100 * share:.0f} % of its detail")


def end_of_scans(data: bytes, first: int) -> int:
    """Where the last scan of a cut file ends: before the header of another one that is cut, and before its tables."""
    last = data.rfind(SCAN, first)
    length = int.from_bytes(data[last + 2 : last + 4], "big")
    end = last if last > first and last + 2 + length > len(data) else len(data)
    tables = data.rfind(_TABLES, first, end)
    return tables if tables > data.rfind(SCAN, first, end) else end


def damaged(reason: str) -> UndecodablePhotoError:
    """The error for a file whose header is damaged."""
    return UndecodablePhotoError(f"the photo's header does not decode: {reason}")
