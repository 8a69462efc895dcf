"""Colours of a photo to sRGB, by its ICC profile (ICC.1:2022). A damaged profile changes nothing.

The conversion is LittleCMS's, which Pillow holds. It is imported only for a photo whose profile is not sRGB, so that a
cold start does not pay for it.
"""

import hashlib
import io
import struct
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsTransform

Conversion: TypeAlias = "ImageCmsTransform | None"

# Profiles of screens and cameras have a few KB, those of printing presses up to 1 MB. Each is hashed.
MOST_PROFILE_BYTES = 1 << 20
# A conversion takes up to 2 MB, and 1 to 50 ms to prepare.
MOST_CONVERSIONS = 16
_HEADER_BYTES = 128
_MOST_TAGS = 100
_MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
_CLASSES = frozenset((b"mntr", b"scnr", b"prtr", b"spac"))
# A program of any number of steps, for each of which LittleCMS would run over a table of 36,000 colours.
_PROGRAM = b"mpet"
# sRGB's primaries as profiles have them, adapted to D50 (IEC 61966-2-1 and ICC.1:2022, annex E): X, Y, Z of each.
_PRIMARIES = {
    b"rXYZ": (0.4361, 0.2225, 0.0139),
    b"gXYZ": (0.3851, 0.7169, 0.0971),
    b"bXYZ": (0.1431, 0.0606, 0.7141),
}
_CURVES = (b"rTRC", b"gTRC", b"bTRC")
_SAMPLES = (0.1, 0.25, 0.5, 0.75)
_NEAR = 0.003


class Conversions:
    """Prepared conversions by the digest of their profile, the latest ones. Thread-safe."""

    def __init__(self, most: int = MOST_CONVERSIONS) -> None:
        """Hold up to `most` conversions."""
        self._most = most
        self._lock = threading.Lock()
        self._held: OrderedDict[bytes, Conversion] = OrderedDict()

    def of(self, profile: bytes, mode: str) -> Conversion:
        """The conversion to sRGB of photos with this profile; None if they are to stay as they are.

        Args:
            profile: of the file; empty for none.
            mode: of the decoded photo: "RGB", "L" or "CMYK". A profile of other colours is ignored.
        """
        if not _is_for(profile, mode):
            return None
        digest = hashlib.sha256(profile).digest()
        with self._lock:
            if digest in self._held:
                self._held.move_to_end(digest)
                return self._held[digest]
        made = None if _is_srgb(profile) else _conversion(profile, mode)  # two threads may both make it
        with self._lock:
            self._held[digest] = made
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return made


def _conversion(profile: bytes, mode: str) -> Conversion:
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        # NOCACHE: the colour converted last would be shared between threads.
        flags = ImageCms.Flags.NOCACHE | ImageCms.Flags.BLACKPOINTCOMPENSATION
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB", intent, flags)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None  # damaged


def _is_for(profile: bytes, mode: str) -> bool:
    return (
        _HEADER_BYTES < len(profile) <= MOST_PROFILE_BYTES
        and profile[36:40] == b"acsp"
        and profile[12:16] in _CLASSES
        and _MODES.get(profile[16:20]) == mode
        and _PROGRAM not in profile
    )


def _is_srgb(profile: bytes) -> bool:
    """Whether the profile's primaries and curves are sRGB's."""
    try:
        tags = _tags(profile)
        return (
            b"A2B0" not in tags
            and all(_is_near(tags[name], xyz) for name, xyz in _PRIMARIES.items())
            and all(
                abs(_linear(tags[name], sample) - _srgb_linear(sample)) < _NEAR
                for name in _CURVES
                for sample in _SAMPLES
            )
        )
    except (KeyError, IndexError, struct.error, ValueError, OverflowError, ZeroDivisionError):
        return False


def _tags(profile: bytes) -> dict[bytes, bytes]:
    """The content of each tag, by its name."""
    (count,) = struct.unpack_from(">L", profile, _HEADER_BYTES)
    places = range(_HEADER_BYTES + 4, _HEADER_BYTES + 4 + 12 * min(count, _MOST_TAGS), 12)
    entries = (struct.unpack_from(">4sLL", profile, place) for place in places)
    return {name: profile[start : start + size] for name, start, size in entries}


def _is_near(tag: bytes, xyz: tuple[float, ...]) -> bool:
    found = (number / 65536 for number in struct.unpack_from(">3l", tag, 8))
    return all(abs(number - value) < _NEAR for number, value in zip(found, xyz, strict=True))


def _linear(curve: bytes, value: float) -> float:
    """What a tone curve makes of a value from 0 to 1 (ICC.1:2022, sections 10.6 and 10.18)."""
    if curve[:4] == b"curv":
        (count,) = struct.unpack_from(">L", curve, 8)
        if count == 0:
            return value
        if count == 1:
            return float(value ** (struct.unpack_from(">H", curve, 12)[0] / 256))
        at = value * (count - 1)
        low, high = struct.unpack_from(">2H", curve, 12 + 2 * int(at))
        return float((low + (high - low) * (at - int(at))) / 65535)
    kind, _ = struct.unpack_from(">HH", curve, 8)
    if curve[:4] != b"para" or kind != 3:  # other kinds are not used for sRGB
        raise ValueError(f"a curve of type {curve[:4]!r}, kind {kind}")
    g, a, b, c, d = (number / 65536 for number in struct.unpack_from(">5l", curve, 12))
    return float((a * value + b) ** g if value >= d else c * value)


def _srgb_linear(value: float) -> float:
    return ((value + 0.055) / 1.055) ** 2.4 if value > 0.04045 else value / 12.92
