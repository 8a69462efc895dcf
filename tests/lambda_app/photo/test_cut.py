import contextlib
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lambda_app.errors import UndecodablePhotoError
from lambda_app.photo.preprocessing import load_rgb
from lambda_app.photo.rules import Preprocessing
from tests.releases import encode

SIZE = Preprocessing(size=64)
END = b"\xff\xd9"
WAYS: list[dict[str, Any]] = [
    {"quality": 90},
    {"quality": 85, "subsampling": 0},
    {"quality": 80, "optimize": True},
    {"quality": 85, "restart_marker_rows": 1},
    {"quality": 85, "restart_marker_blocks": 3},
    {"quality": 85, "progressive": True},
]


def scene(mode: str = "RGB", size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Detail everywhere, as in a photo."""
    pixels = np.random.default_rng(0).integers(0, 256, (size[1] // 4, size[0] // 4, 3)).astype(np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).convert(mode)


def on_white() -> Image.Image:
    photo = Image.new("RGB", (400, 400), "white")
    photo.paste(scene(size=(120, 120)), (140, 100))
    return photo


def difference(data: bytes, whole: bytes) -> float:
    return float(np.abs(load_rgb(data, SIZE).astype(int) - load_rgb(whole, SIZE)).mean())


@pytest.mark.parametrize("lost", [1, 2, 3, 10, 50, 100])
@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_its_last_bytes_is_answered_as_the_whole(mode: str, way: dict[str, Any], lost: int):
    data = encode(scene(mode), **way)
    assert difference(data[:-lost], data) < 0.5
    assert difference(data[:-2] + bytes(2), data) == 0


@pytest.mark.parametrize("way", WAYS[:5], ids=str)
def test_a_plain_area_continues_where_the_file_ends(way: dict[str, Any]):
    data = encode(on_white(), **way)
    for lost in (3, 50, 100):
        assert difference(data[:-lost], data) < 0.1


TAILS = {"none": b"", "end": END, "ff": b"\xff", "zeros": bytes(9000), "page": b"</html>" * 50}


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_half_a_jpeg_is_refused_whatever_follows(mode: str, way: dict[str, Any], tail: str):
    data = encode(scene(mode), **way)
    with pytest.raises(UndecodablePhotoError, match=r"does not decode: it is cut off.* \d+ % of its (rows are|detail)"):
        load_rgb(data[: len(data) // 2] + TAILS[tail], SIZE)


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_the_share_that_is_there_is_told(kept: float):
    data = encode(scene(), quality=90)
    header = data.index(b"\xff\xda")
    with pytest.raises(UndecodablePhotoError) as refused:
        load_rgb(data[: header + int((len(data) - header) * kept)] + END, SIZE)
    told = int(str(refused.value).split(" %")[0].split()[-1])
    assert abs(told - 100 * kept) < 6


@pytest.mark.parametrize("way", WAYS[:5], ids=str)
def test_a_jpeg_that_lacks_more_than_a_few_bytes_is_refused_wherever_it_ends(way: dict[str, Any]):
    data = encode(scene(), **way)
    for lost in range(500, 3000, 97):
        with pytest.raises(UndecodablePhotoError, match=r"cut off, [89][0-9.]+ % of its rows"):
            load_rgb(data[:-lost], Preprocessing(size=224))


def test_zeros_that_fill_up_a_plain_picture_are_no_picture():
    data = encode(on_white(), quality=80, optimize=True)
    with pytest.raises(UndecodablePhotoError, match="cut off"):
        load_rgb(data[: len(data) // 2] + bytes(len(data)), SIZE)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_photo_that_ends_grey_is_whole(mode: str, way: dict[str, Any]):
    grey = Image.new("RGB", (300, 200), (128, 128, 128))
    grey.paste(scene(size=(100, 60)), (40, 20))
    data = encode(grey.convert(mode), **way)
    with Image.open(io.BytesIO(data)) as photo:
        assert np.array_equal(load_rgb(data, Preprocessing(size=300))[50:250], np.asarray(photo.convert("RGB")))


def test_a_progressive_jpeg_of_one_scan_is_refused():
    data = encode(scene(), progressive=True)
    first = data.index(b"\xff\xda")
    for end in (b"", END):
        with pytest.raises(UndecodablePhotoError, match="Of its scans 1 are there, with 1 % of its detail"):
            load_rgb(data[: data.index(b"\xff\xc4", first)] + end, SIZE)


def test_a_progressive_jpeg_cut_anywhere_is_refused_or_looks_as_the_whole():
    data = encode(scene(), progressive=True, quality=80)
    answered = 0
    for kept in range(len(data) // 10, len(data), 97):
        with contextlib.suppress(UndecodablePhotoError):
            assert difference(data[:kept], data) < 3
            answered += 1
    assert answered > 0
