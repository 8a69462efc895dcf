from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from client.picture import (
    CAPTION_HEIGHT,
    GAP,
    QUERY_SIDE,
    TILE_SIDE,
    PictureError,
    Tile,
    check_picture,
    draw_picture,
    open_photo,
    picture_format,
    save_picture,
)

RED, BLUE = (200, 0, 0), (0, 0, 200)
FIRST_TILE = 2 * GAP + QUERY_SIDE


def encoded(image: Image.Image, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def tile(colour: tuple[int, int, int], size: tuple[int, int] = (40, 40), heading: str = "Red sofa") -> Tile:
    return Tile(Image.new("RGB", size, colour), heading, ("Furniture", "£ 40.00", "score 0.912 · same photo " * 3))


def colour_count(picture: Image.Image) -> int:
    colours = picture.getcolors(100_000)
    assert colours is not None
    return len(colours)


def inked(picture: Image.Image, left: int, width: int, top: int) -> bool:
    """Whether the caption of a tile contains text."""
    return colour_count(picture.crop((left, top, left + width, top + CAPTION_HEIGHT))) > 1


def test_photo_and_neighbours_are_side_by_side_with_captions_below():
    picture = draw_picture(tile(RED), [tile(BLUE), tile(RED)])
    assert picture.getpixel((GAP + QUERY_SIDE // 2, GAP + QUERY_SIDE // 2)) == RED
    assert picture.getpixel((FIRST_TILE + TILE_SIDE // 2, GAP + TILE_SIDE // 2)) == BLUE
    assert picture.getpixel((FIRST_TILE + TILE_SIDE + GAP + TILE_SIDE // 2, GAP + TILE_SIDE // 2)) == RED
    assert inked(picture, GAP, QUERY_SIDE, GAP + QUERY_SIDE)
    assert inked(picture, FIRST_TILE, TILE_SIDE, GAP + TILE_SIDE)


@pytest.mark.parametrize(("neighbours", "columns"), [(0, 0), (1, 1), (4, 4), (5, 4), (9, 4)])
def test_neighbours_fill_rows_of_four(neighbours, columns):
    picture = draw_picture(tile(RED), [tile(BLUE)] * neighbours)
    rows = -(-neighbours // 4)
    assert picture.width == FIRST_TILE + columns * (TILE_SIDE + GAP)
    assert picture.height >= GAP + rows * (TILE_SIDE + CAPTION_HEIGHT)
    if neighbours:
        row, column = divmod(neighbours - 1, 4)
        middle = TILE_SIDE // 2
        left = FIRST_TILE + column * (TILE_SIDE + GAP) + middle
        assert picture.getpixel((left, GAP + row * (TILE_SIDE + CAPTION_HEIGHT + GAP) + middle)) == BLUE


@pytest.mark.parametrize("size", [(400, 40), (40, 400)])
def test_aspect_is_kept(size):
    picture = draw_picture(tile(RED, size), [])
    middle, edge = GAP + QUERY_SIDE // 2, GAP + 5
    assert picture.getpixel((middle, middle)) == RED
    beside = (middle, edge) if size[0] > size[1] else (edge, middle)
    assert picture.getpixel(beside) not in (RED, (255, 255, 255))


@pytest.mark.parametrize("heading", ["Supercalifragilisticexpialidocious" * 3, "many words " * 20, "", "Vêtements Ж"])
def test_a_caption_stays_within_its_tile(heading):
    wordless = draw_picture(tile(RED), [tile(BLUE, heading="")])
    picture = draw_picture(tile(RED), [tile(BLUE, heading=heading)])
    right = FIRST_TILE + TILE_SIDE + 2
    below = GAP + TILE_SIDE + CAPTION_HEIGHT
    for outside in ((right, 0, picture.width, picture.height), (FIRST_TILE, below, right, picture.height)):
        assert picture.crop(outside).tobytes() == wordless.crop(outside).tobytes()


def test_a_missing_photo_leaves_a_frame():
    picture = draw_picture(tile(RED), [Tile(None, "Red sofa", ("score 0.9",))])
    frame = picture.crop((FIRST_TILE, GAP, FIRST_TILE + TILE_SIDE, GAP + TILE_SIDE))
    assert frame.getpixel((0, 0)) != (255, 255, 255)
    assert colour_count(frame) > 1


def test_photos_open_upright_and_in_colour():
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    turned = open_photo(encoded(Image.new("RGB", (30, 10), RED), format="JPEG", exif=exif))
    assert turned.size == (10, 30)
    assert open_photo(encoded(Image.new("CMYK", (8, 8)), format="JPEG")).mode == "RGB"


def test_transparent_pixels_become_black():
    clear = encoded(Image.new("RGBA", (8, 8), (255, 255, 255, 0)), format="PNG")
    assert open_photo(clear).getpixel((4, 4)) == (0, 0, 0)


@pytest.mark.parametrize("data", [b"", b"hello", encoded(Image.effect_noise((64, 64), 50), format="PNG")[:2000]])
def test_bytes_that_do_not_decode_are_an_error(data):
    with pytest.raises(PictureError, match="cannot be decoded"):
        open_photo(data)


@pytest.mark.parametrize(("name", "format_name"), [("a.png", "PNG"), ("a.JPG", "JPEG"), ("a.webp", "WEBP")])
def test_a_picture_is_saved_in_the_format_of_its_name(tmp_path, name, format_name):
    path = tmp_path / name
    assert picture_format(path) == format_name
    save_picture(draw_picture(tile(RED), [tile(BLUE)]), path)
    with Image.open(path) as saved:
        assert saved.format == format_name
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["picture", "picture.txt", "picture.psd"])
def test_a_name_without_an_image_format_is_refused(name):
    with pytest.raises(PictureError, match=name):
        picture_format(Path(name))


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(PictureError, match="cannot be written"):
        save_picture(Image.new("RGB", (2, 2)), tmp_path / "none" / "a.png")


def test_a_picture_that_fails_leaves_no_partial_file(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(PictureError, match="cannot be written"):
        save_picture(Image.new("RGB", (2, 2)), tmp_path / "a.png")
    with pytest.raises(PictureError, match="cannot be written"):
        save_picture(Image.new("RGBA", (2, 2)), tmp_path / "a.jpg")  # JPEG has no transparency
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_check_leaves_a_picture_as_it_is(tmp_path):
    path = tmp_path / "a.png"
    check_picture(path)
    assert not list(tmp_path.iterdir())
    path.write_bytes(b"mine")
    check_picture(path)
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == [b"mine"]


@pytest.mark.parametrize("title", ["红色沙发" * 75, "W" * 300, "a red sofa " * 27])
def test_a_long_title_stays_within_its_tile_and_no_result_is_no_error(title: str):
    alone = draw_picture(Tile(None, "chair", ("your photo",)), [])
    assert alone.width == 2 * GAP + QUERY_SIDE
    with_one = draw_picture(Tile(None, "chair"), [Tile(None, title, (title,))])
    assert with_one.width == alone.width + TILE_SIDE + GAP
    right = with_one.crop((with_one.width - GAP + 2, 0, with_one.width, with_one.height))
    assert right.getextrema() == ((255, 255), (255, 255), (255, 255))  # nothing is drawn in the margin
