"""A JPEG's segments (ITU-T T.81, annex B): metadata is left out, and the work of its scans is bounded."""

import re
from dataclasses import dataclass

from lambda_app.errors import PhotoTooLargeError, UndecodablePhotoError, UnsupportedPhotoError
from lambda_app.photo.container import Container, check_count
from lambda_app.photo.orientation import read_orientation
from lambda_app.photo.rules import PhotoLimits

MOST_SEGMENTS = 1000
# Encoders write 10 scans, optimisers a few dozen. A scan costs microseconds even if it has no data.
MOST_SCANS = 500
_START, _END, _SCAN, _TEMPORARY = 0xD8, 0xD9, 0xDA, 0x01
_APP0, _EXIF_OR_XMP, _ADOBE, _APP15, _COMMENT = 0xE0, 0xE1, 0xEE, 0xEF, 0xFE
_BASELINE, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
# Lossless, hierarchical and arithmetic coding: browsers do not show them, and decoders need ten times as long.
_OTHER_FRAMES = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}
_XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\x00"
# A marker: any bytes 0xFF, then its code. 0xFF 0x00 is data, and the restart markers stand inside of data.
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")


@dataclass(frozen=True)
class _Frame:
    """The header of the picture: its process, its samples in all, and those of each component by its number."""

    progressive: bool
    components: int
    total: int
    samples: dict[int, int]


def read_jpeg(data: bytes, limits: PhotoLimits) -> Container:
    """Leave out metadata and count the work.

    Raises:
        PhotoTooLargeError: too many segments, scans or samples.
        UnsupportedPhotoError: a coding process that browsers do not support either.
        UndecodablePhotoError: the segments before the picture are damaged.
    """
    kept, exif, xmp, frame = [data[:2]], b"", b"", None
    at, count = 2, 0
    while True:
        marker, code, start, end = _segment(data, at)
        count += 1
        check_count("segments before its picture", count, MOST_SEGMENTS)
        at = end
        if code == _SCAN:
            if frame is None:
                raise _damaged("a scan comes before the frame")
            one_scan = not frame.progressive and data[marker + 4 : marker + 5] == bytes([frame.components])
            if not one_scan:  # after a scan of all components, a decoder reads no other
                _check_scans(data, marker, frame, limits)
            kept.append(data[marker:])
            return Container(b"".join(kept), read_orientation(exif, xmp), 0 if one_scan else 2 * frame.total)
        if code == _EXIF_OR_XMP:
            # Only the first of each kind: more of them would be parts of one block, as no camera writes it.
            exif = exif or (data[start:end] if data.startswith(b"Exif\x00", start) else b"")
            xmp = xmp or (data[start:end] if data.startswith(_XMP_PREFIX, start) else b"")
        elif not (_APP0 < code <= _APP15 or code == _COMMENT) or code == _ADOBE:
            frame = frame or _frame(code, data[start:end])
            kept.append(data[marker:end])


def _segment(data: bytes, at: int) -> tuple[int, int, int, int]:
    """The next segment: where its marker begins, the marker's code, where its content begins and ends."""
    found = _MARKER.search(data, at)
    if found is None:
        raise _damaged("the file ends before the picture")
    code, start = found[1][0], found.end()
    if code in (_START, _TEMPORARY):
        return found.start(), code, start, start
    length = int.from_bytes(data[start : start + 2], "big")
    if code == _END or length < 2 or start + length > len(data):
        raise _damaged(f"segment 0x{code:02x} ends early")
    return found.start(), code, start + 2, start + length


def _frame(code: int, header: bytes) -> _Frame | None:
    if code in _OTHER_FRAMES:
        raise UnsupportedPhotoError(
            f"the JPEG uses coding process 0x{code:02x}; only baseline and progressive are read"
        )
    if code not in (_BASELINE, _EXTENDED, _PROGRESSIVE):
        return None
    components = [(header[at], header[at + 1] >> 4, header[at + 1] & 15) for at in range(6, len(header) - 2, 3)]
    if not components or len(header) != 6 + 3 * header[5]:
        raise _damaged("the frame header has a wrong length")
    height, width = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
    most_across, most_down = (8 * max(1, *(part[side] for part in components), 1) for side in (1, 2))
    samples: dict[int, int] = {}
    total = 0
    for name, across, down in components:
        blocks = max(1, -(-width * across // most_across)) * max(1, -(-height * down // most_down))
        samples[name] = max(samples.get(name, 0), 64 * blocks)
        total += 64 * blocks
    return _Frame(code == _PROGRESSIVE, len(components), total, samples)


def _check_scans(data: bytes, first: int, frame: _Frame, limits: PhotoLimits) -> None:
    """Count the samples that the scans visit.

    Args:
        first: where the marker of the first scan begins.
    """
    # Every scan has these two bytes, so this counts at least as many as there are, at the speed of memory.
    scans = data.count(b"\xff\xda", first)
    if scans <= MOST_SCANS and scans * frame.total <= limits.samples:
        return
    at, scans, visited = first, 0, 0
    while (found := _MARKER.search(data, at)) and (code := found[1][0]) != _END:
        start = found.end()
        at = start + int.from_bytes(data[start : start + 2], "big")
        if code == _SCAN:
            scans += 1
            check_count("scans", scans, MOST_SCANS)
            named = data[start + 3 : start + 3 + 2 * data[start + 2] : 2] if start + 2 < len(data) else b""
            visited += sum(frame.samples.get(name, 0) for name in named)
        if visited > limits.samples:
            raise PhotoTooLargeError(
                f"the photo is a JPEG of {frame.total:,} samples, and its first {scans} scans visit {visited:,}; "
                f"the limit is {limits.samples:,}"
            )


def _damaged(reason: str) -> UndecodablePhotoError:
    return UndecodablePhotoError(f"the photo's header does not decode: {reason}")
