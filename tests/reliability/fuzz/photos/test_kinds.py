import io
from random import Random

import pytest
from PIL import Image

from lambda_app.errors import PhotoError
from lambda_app.photo.preprocessing import load_rgb
from lambda_app.photo.rules import Preprocessing
from reliability.fuzz.photos import bombs, encoded, jpeg, png, webp
from reliability.fuzz.photos.kinds import KINDS, numbered
from reliability.fuzz.photos.sound import MOST_BYTES, sound_photos

SETTINGS = Preprocessing(size=32)
CHEAP = [number for number, kind in enumerate(KINDS) if kind not in ("pixel-bomb", "jpeg-many-scans")]


def accepted(data: bytes) -> bool:
    try:
        load_rgb(data, SETTINGS)
    except PhotoError:
        return False
    return True


@pytest.mark.parametrize("number", CHEAP)
def test_a_kind_makes_the_same_photo_of_a_number_and_others_of_others(number: int):
    kind = list(KINDS)[number]
    made = [numbered(number + times * len(KINDS)) for times in range(6)]
    assert {photo.name.rpartition("-")[0] for photo in made} == {kind}
    assert len({photo.data for photo in made}) > 1
    assert all(len(photo.data) <= MOST_BYTES + 300_000 for photo in made)
    assert numbered(number) == made[0]


@pytest.mark.parametrize("name", sound_photos())
def test_the_photos_that_others_are_made_of_are_sound(name: str):
    assert accepted(sound_photos()[name])


def test_every_format_and_nearly_every_mode_of_pillow_is_written():
    pairs = [name.split() for name in encoded.encoded()]
    assert {mode for _, mode in pairs} >= set(encoded.MODES) - {"La"}  # nothing writes this one
    assert {kind for kind, _ in pairs} >= {
        "JPEG",
        "PNG",
        "WEBP",
        "GIF",
        "BMP",
        "TIFF",
        "PPM",
        "ICO",
        "TGA",
        "PDF",
        "AVIF",
    }


@pytest.mark.parametrize(
    ("read", "join", "kind"),
    [
        (jpeg.read_segments, jpeg.joined, "jpeg"),
        (png.read_chunks, png.png, "png"),
        (webp.read_chunks, webp.webp, "webp"),
    ],
)
def test_parts_that_are_read_and_joined_are_the_file(read, join, kind):
    for name, data in sound_photos().items():
        if name.startswith(kind):
            assert join(read(data)) == data, name


@pytest.mark.parametrize("interlaced", [0, 1])
def test_an_even_png_is_sound_also_interlaced(interlaced: int):
    data = bombs.even_png(37, 29, 8, 2, interlaced)
    with Image.open(io.BytesIO(data)) as photo:
        assert photo.info.get("interlace", 0) == interlaced
        assert photo.convert("RGB").tobytes() == bytes(37 * 29 * 3)


def test_bombs_are_few_bytes_of_many_pixels():
    data = bombs.bomb(2)
    assert len(data) < 50_000
    with Image.open(io.BytesIO(data)) as photo:
        assert photo.width * photo.height > 49_000_000


def test_scans_are_repeated():
    before, scans = jpeg.progressive(64, 64, colours=True)
    assert len([code for code, _ in scans if code == jpeg.SCAN]) > 5
    assert accepted(jpeg.joined([*before, *scans, (jpeg.END, b"\xff\xd9")]))
    assert max(jpeg.many_scans(Random(seed)).count(b"\xff\xda") for seed in range(12)) > 1000
