"""Hostile photos by number: the number is the seed, so every photo can be made again."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from reliability.fuzz.photos import bombs, damage, encoded, jpeg, metadata, png, polyglots, webp

KINDS: dict[str, Callable[[Random], bytes]] = {
    "encoded": encoded.any_encoded,
    "truncated": damage.truncated,
    "bits": damage.bits_flipped,
    "header-bits": damage.header_bits_flipped,
    "inserted": damage.inserted,
    "overwritten": damage.overwritten,
    "removed": damage.removed,
    "repeated": damage.repeated,
    "spliced": damage.spliced,
    "png-header": png.other_header,
    "png-pixels": png.other_pixels,
    "png-chunks": png.chunks_disturbed,
    "png-lengths": png.wrong_lengths,
    "png-palettes": png.palettes,
    "png-inflating": png.inflating,
    "png-animated": png.animated,
    "jpeg-segments": jpeg.segments_disturbed,
    "jpeg-frame": jpeg.frame_disturbed,
    "jpeg-tables": jpeg.tables_disturbed,
    "jpeg-many-segments": jpeg.many_segments,
    "jpeg-many-scans": jpeg.many_scans,
    "webp-chunks": webp.chunks_disturbed,
    "webp-canvas": webp.other_canvas,
    "webp-lengths": webp.wrong_lengths,
    "webp-animated": webp.animated,
    "pixel-bomb": bombs.pixel_bomb,
    "huge-header": bombs.huge_header,
    "metadata": metadata.metadata,
    "polyglot": polyglots.polyglot,
    "another-file": polyglots.another_file,
}
# What the client says that it sends. The bytes alone should count.
_DECLARED = ("image/jpeg", "image/png", "image/webp", "image/gif", "text/html", "application/zip", "", "image/svg+xml")


@dataclass(frozen=True)
class HostilePhoto:
    """A file to send.

    Attributes:
        name: its kind and its number, such as "polyglot-58".
        declared: the media type that the client declares.
    """

    name: str
    data: bytes
    declared: str


def numbered(number: int) -> HostilePhoto:
    """The photo of a number; its kind is that of the number modulo the count of kinds."""
    kind = list(KINDS)[number % len(KINDS)]
    random = Random(number)
    return HostilePhoto(f"{kind}-{number}", KINDS[kind](random), random.choice(_DECLARED))
