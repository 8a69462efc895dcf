"""A JPEG's segments (ITU-T T.81, annex B): metadata is left out, and the work of its scans is bounded."""

import re
from dataclasses import dataclass, field

from lambda_app.photo.container import Container, Picture, check_count
from lambda_app.photo.frame import Frame, check_scans, damaged, end_of_scans, read_frame
from lambda_app.photo.orientation import read_orientation
from lambda_app.photo.rules import PhotoLimits

MOST_SEGMENTS = 1000
END = b"\xff\xd9"
_START, _END, _SCAN, _TEMPORARY = 0xD8, 0xD9, 0xDA, 0x01
_JFIF, _EXIF_OR_XMP, _PROFILE, _ADOBE, _APP15, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
_RESTART_INTERVAL = 0xDD
_XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\x00"
_PROFILE_PREFIX = b"ICC_PROFILE\x00"
# How decoders know the colours: the shortest segments that they accept. Others of this kind are left out.
_COLOURS = {_JFIF: (b"JFIF\x00", 14), _ADOBE: (b"Adobe", 12)}
# A marker: any bytes 0xFF, then its code. 0xFF 0x00 is data, and the restart markers stand inside of data.
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")


def read_jpeg(data: bytes, limits: PhotoLimits) -> Container:
    """Leave out metadata, count the work, and find the end of the picture.

    Raises:
        PhotoTooLargeError: too many segments, scans or samples.
        UnsupportedPhotoError: a coding process that browsers do not support either.
        UndecodablePhotoError: the segments before the picture are damaged, or scans are missing.
    """
    header = _Header([data[:2]])
    at, count = 2, 0
    while True:
        marker, code, start, end = _segment(data, at)
        count += 1
        check_count("segments before its picture", count, MOST_SEGMENTS)
        at = end
        if code == _SCAN:
            return _container(data, marker, header, limits)
        header.take(code, data[start:end], data[marker:end])


@dataclass
class _Header:
    """What the segments before the picture say.

    Attributes:
        kept: the parts of the file that the decoder gets.
        exif, xmp: content of the first segment of each.
        profile: parts of the colour profile, by their number.
        frame: None before it has been read.
        restarts: whether restart markers stand within the picture.
    """

    kept: list[bytes]
    exif: bytes = b""
    xmp: bytes = b""
    profile: dict[int, bytes] = field(default_factory=dict)
    frame: Frame | None = None
    restarts: bool = False

    def take(self, code: int, content: bytes, segment: bytes) -> None:
        """Read a segment, and keep it if it decides pixels."""
        if code == _EXIF_OR_XMP:
            # Only the first of each kind: more of them would be parts of one block, as no camera writes it.
            self.exif = self.exif or (content if content.startswith(b"Exif\x00") else b"")
            self.xmp = self.xmp or (content if content.startswith(_XMP_PREFIX) else b"")
        elif code == _PROFILE and content.startswith(_PROFILE_PREFIX) and len(content) > len(_PROFILE_PREFIX) + 2:
            self.profile.setdefault(content[len(_PROFILE_PREFIX)], content[len(_PROFILE_PREFIX) + 2 :])
        elif code in _COLOURS:
            prefix, shortest = _COLOURS[code]
            if content.startswith(prefix) and len(content) >= shortest:
                self.kept.append(segment)
        elif not _is_metadata(code):
            self.frame = self.frame or read_frame(code, content)
            self.restarts = self.restarts or (code == _RESTART_INTERVAL and any(content))
            self.kept.append(segment)

    def whole_profile(self) -> bytes:
        """The colour profile; empty if there is none or a part of it is missing."""
        numbers = sorted(self.profile)
        return b"".join(map(self.profile.__getitem__, numbers)) if numbers == [*range(1, len(numbers) + 1)] else b""


def _container(data: bytes, marker: int, header: _Header, limits: PhotoLimits) -> Container:
    """The container of a file whose first scan begins at `marker`."""
    frame = header.frame
    if frame is None:
        raise damaged("a scan comes before the frame")
    one_scan = not frame.progressive and data[marker + 4 : marker + 5] == bytes([frame.components])
    # There is no end marker within a picture, for behind 0xFF it has 0x00. To look for one takes a millisecond in a
    # large file, so the last bytes are looked at first.
    ended = data.endswith(END) or data.find(END, marker) >= 0
    refined = False
    if not one_scan:  # after a scan of all components, a decoder reads no other
        end = data.find(END, marker) if ended else end_of_scans(data, marker)
        data = data if ended else data[:end]
        refined = check_scans(data, marker, end, frame, limits)
    head = b"".join(header.kept)
    rest = data[marker:] if ended else data[marker:].rstrip(b"\xff") + END
    return Container(
        head + rest,
        read_orientation(header.exif, header.xmp),
        0 if one_scan else 2 * frame.total,
        header.whole_profile(),
        Picture(len(head), ended, refined, header.restarts, frame.across, frame.down),
    )


def _is_metadata(code: int) -> bool:
    return _JFIF <= code <= _APP15 or code == _COMMENT


def _segment(data: bytes, at: int) -> tuple[int, int, int, int]:
    """The next segment: where its marker begins, the marker's code, where its content begins and ends."""
    found = _MARKER.search(data, at)
    if found is None:
        raise damaged("the file ends before the picture")
    code, start = found[1][0], found.end()
    if code in (_START, _TEMPORARY):
        return found.start(), code, start, start
    length = int.from_bytes(data[start : start + 2], "big")
    if length < 2 or start + length > len(data):
        if _is_metadata(code):  # metadata of a wrong length: the next marker is looked for
            return found.start(), code, start + 2, start + 2
        raise damaged(f"segment 0x{code:02x} ends early")
    if code == _END:
        raise damaged(f"segment 0x{code:02x} ends early")
    return found.start(), code, start + 2, start + length
