"""Draws a photo and its neighbours side by side in one picture, with words below each."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

COLUMNS = 4
QUERY_SIDE = 320  # pixels
TILE_SIDE = 200
GAP = 20
TEXT_LINES = 2
MORE_LINES = 3
LINE_HEIGHT = 20
CAPTION_HEIGHT = 8 + (TEXT_LINES + MORE_LINES) * LINE_HEIGHT

_PAPER, _EMPTY, _INK, _MUTED = "#ffffff", "#ebe9e3", "#1d1c19", "#5c5951"
# Pillow's built-in font has only ASCII; category names can be in any language.
_FONTS = ("DejaVuSans.ttf", "Arial.ttf", "NotoSans-Regular.ttf")

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class PictureError(Exception):
    """A photo cannot be drawn, or the picture cannot be written."""


@dataclass(frozen=True)
class Tile:
    """A photo (RGB; None draws an empty frame) with a heading and up to 3 more lines below it."""

    photo: Image.Image | None
    heading: str
    lines: tuple[str, ...] = ()


def open_photo(data: bytes) -> Image.Image:
    """Decode a photo to an upright RGB image. Transparent parts become black, as in the API.

    Raises:
        PictureError: the bytes cannot be decoded.
    """
    try:
        image = ImageOps.exif_transpose(Image.open(BytesIO(data)))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
        return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as exc:
        raise PictureError(f"the photo cannot be decoded: {exc}") from exc


def draw_picture(query: Tile, neighbours: Sequence[Tile]) -> Image.Image:
    """An RGB picture: the query on the left, its neighbours on the right in rows of up to four, best first."""
    columns = min(COLUMNS, len(neighbours))
    rows = -(-len(neighbours) // COLUMNS)
    width = GAP + QUERY_SIDE + GAP + columns * (TILE_SIDE + GAP)
    height = GAP + max(QUERY_SIDE + CAPTION_HEIGHT, rows * (TILE_SIDE + CAPTION_HEIGHT + GAP) - GAP) + GAP
    picture = Image.new("RGB", (width, height), _PAPER)
    _draw_tile(picture, query, GAP, GAP, QUERY_SIDE)
    for position, tile in enumerate(neighbours):
        row, column = divmod(position, COLUMNS)
        left = 2 * GAP + QUERY_SIDE + column * (TILE_SIDE + GAP)
        _draw_tile(picture, tile, left, GAP + row * (TILE_SIDE + CAPTION_HEIGHT + GAP), TILE_SIDE)
    return picture


def picture_format(path: Path) -> str:
    """The image format for the extension of a file name.

    Raises:
        PictureError: Pillow cannot write this format.
    """
    name = Image.registered_extensions().get(path.suffix.lower(), "")
    if name not in Image.SAVE:
        raise PictureError(f"{path.name!r} names no image format to write; try .png")
    return name


def check_picture(path: Path) -> None:
    """Raise unless a picture can be written to `path`, without writing one.

    Raises:
        PictureError: Pillow cannot write this format, or no file can be made there.
    """
    picture_format(path)
    partial = _partial(path)
    try:
        if path.is_dir():
            raise PictureError(f"{path} cannot be written: Is a directory")
        partial.touch()
    except OSError as exc:
        raise PictureError(f"{path} cannot be written: {exc.strerror or exc}") from exc
    partial.unlink(missing_ok=True)


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture beside `path`, then rename it into place.

    Raises:
        PictureError: Pillow cannot write this format, or the file cannot be written.
    """
    partial = _partial(path)
    try:
        picture.save(partial, picture_format(path))
        partial.replace(path)
    except OSError as exc:
        raise PictureError(f"{path} cannot be written: {exc.strerror or exc}") from exc
    finally:
        with suppress(OSError):  # it is there only if something failed
            partial.unlink()


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def _draw_tile(picture: Image.Image, tile: Tile, left: int, top: int, side: int) -> None:
    draw = ImageDraw.Draw(picture)
    draw.rectangle((left, top, left + side - 1, top + side - 1), fill=_EMPTY)
    if tile.photo is None:
        draw.text((left + side // 2, top + side // 2), "no photo", _MUTED, _font(14), anchor="mm")
    else:
        photo = ImageOps.contain(tile.photo, (side, side), Image.Resampling.LANCZOS)
        picture.paste(photo, (left + (side - photo.width) // 2, top + (side - photo.height) // 2))
    font = _font(16)
    heading = _wrap(tile.heading, font, side)
    for number, text in enumerate(heading):
        draw.text((left, top + side + 8 + number * LINE_HEIGHT), text, _INK, font)
    small = _font(14)
    for number, text in enumerate(tile.lines[:MORE_LINES], start=len(heading)):
        draw.text((left, top + side + 8 + number * LINE_HEIGHT), _cut(text, small, side), _MUTED, small)


@cache
def _font(size: int) -> Font:
    for name in _FONTS:
        with suppress(OSError):  # this machine does not have the font
            return ImageFont.truetype(name, size)
    return ImageFont.load_default(size)


def _wrap(text: str, font: Font, width: int) -> list[str]:
    """Wrap text into at most `TEXT_LINES` lines of `width` pixels. An ellipsis replaces text that does not fit."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    kept = lines[:TEXT_LINES]
    if len(lines) > TEXT_LINES:
        kept[-1] += "…"
    return [_cut(line, font, width) for line in kept]


def _cut(line: str, font: Font, width: int) -> str:
    while font.getlength(line) > width:
        line = line.removesuffix("…")[:-1] + "…"
    return line
