import io
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from lambda_app.errors import BusyError, PhotoError, PhotoTooLargeError, UndecodablePhotoError, UnsupportedPhotoError
from lambda_app.photo.kinds import media_type
from lambda_app.photo.memory import DecodingMemory
from lambda_app.photo.opening import open_photo
from lambda_app.photo.preprocessing import load_photo, load_rgb, normalise
from lambda_app.photo.rules import PhotoLimits, PhotoPart, Preprocessing
from tests.releases import encode

SIZE = Preprocessing(size=32)
ORIENTATION = 0x0112
# What stores an upright photo so that its tag turns it back, by orientation.
UNTURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def picture(width: int = 32, height: int = 32, channels: int = 3, seed: int = 0) -> np.ndarray:
    """uint8 (height, width, channels), smooth enough that JPEG and resizing keep it."""
    grid = np.random.default_rng(seed).integers(0, 256, (4, 4, channels)).astype(np.uint8)
    bands = [Image.fromarray(grid[..., c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(channels)]
    return np.stack([np.asarray(band) for band in bands], axis=-1)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds nothing."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"")))
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_photo_of_the_right_size_keeps_its_pixels():
    pixels = picture()
    assert np.array_equal(load_rgb(encode(Image.fromarray(pixels), "PNG"), SIZE), pixels)


@pytest.mark.parametrize(("width", "height"), [(64, 32), (32, 64), (320, 160), (16, 8), (1000, 1)])
def test_the_aspect_is_kept_between_centred_black_borders(width: int, height: int):
    white = Image.new("RGB", (width, height), "white")
    rgb = load_rgb(encode(white, "PNG"), SIZE)
    assert rgb.shape == (32, 32, 3)
    longer, shorter = max(width, height), min(width, height)
    border = (32 - max(1, round(32 * shorter / longer))) // 2
    lines = rgb.min(axis=(1, 2)) if width > height else rgb.min(axis=(0, 2))
    assert not lines[:border].any()
    assert lines[border : border + max(1, round(32 * shorter / longer))].min() == 255
    assert not lines[border + max(1, round(32 * shorter / longer)) :].any()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_exif_orientation_is_honoured(orientation: int, kind: str):
    pixels = picture(48, 24)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = encode(Image.fromarray(pixels), kind, exif=exif, **({} if kind == "PNG" else {"quality": 100}))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    expected = load_rgb(encode(upright.convert("RGB"), "PNG"), SIZE)
    assert np.abs(load_rgb(data, SIZE).astype(int) - expected).max() <= 2


def test_an_orientation_of_one_quarter_turn_turns_the_photo():
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:, :16] = 255  # the left half is white
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # the camera was turned left: show it turned to the right
    rgb = load_rgb(encode(Image.fromarray(pixels), "PNG", exif=exif), SIZE)
    assert rgb[:16].min() == 255
    assert rgb[16:].max() == 0


def test_alpha_lies_over_black():
    rgba = np.full((32, 32, 4), 255, np.uint8)
    rgba[:, 16:, 3] = 0
    rgba[:16, :16, 3] = 128
    rgb = load_rgb(encode(Image.fromarray(rgba), "PNG"), SIZE)
    assert rgb[:, 16:].max() == 0
    assert set(rgb[:16, :16].flat) == {128}
    assert rgb[16:, :16].min() == 255


def test_alpha_lies_over_white_if_the_release_says_so():
    white = Preprocessing(size=32, background="white")
    rgba = np.zeros((32, 16, 4), np.uint8)
    rgba[:16, :, 3] = 255
    rgb = load_rgb(encode(Image.fromarray(rgba), "PNG"), white)
    assert rgb[16:, 8:24].min() == 255
    assert rgb[:16].max() == 0
    assert rgb[:, :8].max() == 0  # the margin stays black
    palette = Image.new("P", (32, 32), 1)
    palette.putpalette([255, 0, 0, 0, 255, 0])
    assert load_rgb(encode(palette, "PNG", transparency=1), white).min() == 255


@pytest.mark.parametrize(
    ("mode", "kind", "tolerance"),
    [("CMYK", "JPEG", 6), ("L", "JPEG", 6), ("L", "PNG", 0), ("LA", "PNG", 0), ("P", "PNG", 40), ("RGB", "WEBP", 12)],
)
def test_other_modes_become_rgb(mode: str, kind: str, tolerance: int):
    photo = Image.fromarray(picture())
    if mode in ("L", "LA"):
        photo = photo.convert("L").convert("RGB")
    data = encode(photo.convert(mode), kind, **({"quality": 100} if kind != "PNG" else {}))
    assert np.abs(load_rgb(data, SIZE).astype(int) - np.asarray(photo)).mean() <= tolerance


def test_a_transparent_palette_colour_is_black():
    photo = Image.new("P", (32, 32), 1)
    photo.putpalette([255, 0, 0, 0, 255, 0])
    assert load_rgb(encode(photo, "PNG", transparency=1), SIZE).max() == 0
    assert tuple(load_rgb(encode(photo, "PNG"), SIZE)[0, 0]) == (0, 255, 0)


def test_sixteen_bits_are_scaled_to_eight():
    sixteen = np.tile(np.linspace(0, 65535, 32).astype(np.uint16), (32, 1))
    rgb = load_rgb(encode(Image.fromarray(sixteen), "PNG"), SIZE)
    assert rgb[0, 0, 0] == 0
    assert rgb[0, -1, 0] == 255
    assert abs(int(rgb[0, 16, 0]) - 131) <= 2


def test_a_large_jpeg_decoded_at_reduced_scale_looks_as_one_resized_from_full_scale():
    pixels = picture(1600, 1200)
    reduced = load_rgb(encode(Image.fromarray(pixels), "JPEG", quality=95), SIZE)
    full = load_rgb(encode(Image.fromarray(pixels), "PNG"), SIZE)
    assert np.abs(reduced.astype(int) - full).mean() < 1.5


def whole(photo: Image.Image, settings: Preprocessing) -> np.ndarray:
    """The oracle: convert and turn the whole photo, then let Pillow reduce and resize it. Takes much memory."""
    turned = ImageOps.exif_transpose(photo)
    if turned.mode == "I;16":
        turned = Image.fromarray((np.asarray(turned, np.float32) / 257.0).astype(np.uint8))
    if turned.has_transparency_data:
        turned = Image.alpha_composite(Image.new("RGBA", turned.size, "black"), turned.convert("RGBA"))
    scale = settings.size / max(turned.size)
    width, height = (min(settings.size, max(1, round(side * scale))) for side in turned.size)
    resized = turned.convert("RGB").resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    square = Image.new("RGB", (settings.size, settings.size))
    square.paste(resized, ((settings.size - width) // 2, (settings.size - height) // 2))
    return np.asarray(square)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
@pytest.mark.parametrize("size", [(641, 427), (2, 500), (500, 2), (60, 40)])
def test_reducing_a_large_photo_first_changes_no_pixel(
    mode: str, orientation: int, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("lambda_app.photo.preprocessing.STRIP_PIXELS", 5000)  # many strips, the last of them narrow
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size[::-1], 4)).astype(np.uint8))
    if mode == "I;16":
        photo = Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257 + 5)
    else:
        photo = photo.convert("RGB").quantize(32) if mode == "P" else photo.convert(mode)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = encode(photo, "PNG", exif=exif, **({"transparency": 5} if mode == "P" else {}))
    assert np.array_equal(load_rgb(data, SIZE), whole(Image.open(io.BytesIO(data)), SIZE))


def centre(photo: Image.Image, settings: Preprocessing) -> np.ndarray:
    """The oracle: scale the whole photo so that the square cuts `crop` of its short side, then cut it."""
    scale = settings.size / (settings.crop * min(photo.size))
    full = photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.BICUBIC)
    left, top = (full.width - settings.size) // 2, (full.height - settings.size) // 2
    return np.asarray(full.crop((left, top, left + settings.size, top + settings.size)))


@pytest.mark.parametrize("size", [(320, 240), (240, 480), (128, 128), (1600, 1200), (40, 60)])
@pytest.mark.parametrize("share", [0.875, 1.0])
def test_the_crop_fills_the_square_with_the_centre(size: tuple[int, int], share: float):
    photo = Image.fromarray(picture(*size))
    settings = Preprocessing(size=96, fit="crop", crop=share, interpolation="bicubic")
    for data in (encode(photo, "PNG"), encode(photo, "JPEG", quality=95)):
        assert np.abs(load_rgb(data, settings).astype(int) - centre(photo, settings)).mean() < 3


def test_the_crop_of_a_turned_photo_is_that_of_the_upright_one():
    settings = Preprocessing(size=64, fit="crop", crop=0.875)
    upright = Image.fromarray(picture(200, 120))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    turned = encode(upright.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    assert np.array_equal(load_rgb(turned, settings), load_rgb(encode(upright, "PNG"), settings))


def test_what_lies_outside_the_crop_is_not_seen():
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[10:90, 60:140] = 255
    seen = load_rgb(encode(Image.fromarray(pixels), "PNG"), Preprocessing(size=32, fit="crop", crop=0.75))
    assert (seen == 255).all()


def test_a_large_webp_file_is_refused():
    with pytest.raises(PhotoTooLargeError, match="WebP of 10,485,761 bytes; the limit is 10,485,760"):
        load_rgb(b"RIFF\x00\x00\x00\x00WEBP" + bytes((10 << 20) - 11), SIZE)


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {}), ("JPEG", {"progressive": True})])
def test_decoding_takes_its_memory_from_what_is_shared(kind: str, options: dict[str, bool]):
    data = encode(Image.new("RGB", (1200, 1000)), kind, **options)
    load_rgb(data, SIZE, memory=DecodingMemory(20 << 20))
    with pytest.raises(PhotoTooLargeError, match="MiB of memory; the limit is 1 MiB"):
        load_rgb(data, SIZE, memory=DecodingMemory(1 << 20))
    memory = DecodingMemory(20 << 20)
    with memory.reserved(19 << 20), pytest.raises(BusyError, match="send it again later"):
        load_rgb(data, SIZE, memory=memory)


def test_a_large_baseline_jpeg_takes_little_memory():
    load_rgb(encode(Image.new("RGB", (4000, 3000))), SIZE, memory=DecodingMemory(2 << 20))


@pytest.mark.slow
def test_running_out_of_memory_is_no_fault_of_the_photo(tmp_path: Path):
    photo = tmp_path / "large.png"
    Image.new("RGB", (6000, 6000)).save(photo)
    code = (
        "import resource, sys\n"
        "from lambda_app.errors import BusyError\n"
        "from lambda_app.photo.preprocessing import load_rgb\n"
        "from lambda_app.photo.rules import Preprocessing\n"
        "data = open(sys.argv[1], 'rb').read()\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (50 << 20),) * 2)\n"
        "try:\n"
        "    load_rgb(data, Preprocessing())\n"
        "except BusyError as exc:\n"
        "    print(exc)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code, photo], capture_output=True, text=True, timeout=60)
    assert ran.stdout == "there is not enough memory to decode the photo now\n", ran.stderr


def test_a_jpeg_with_a_second_picture_behind_it_is_a_photo():
    photo = Image.fromarray(picture())
    data = encode(photo, "MPO", save_all=True, append_images=[photo.rotate(90)], quality=100)
    assert np.abs(load_rgb(data, SIZE).astype(int) - np.asarray(photo)).mean() < 3


def test_a_one_pixel_photo_fills_the_square():
    assert (
        load_rgb(encode(Image.new("RGB", (1, 1), (9, 8, 7)), "PNG"), SIZE).reshape(-1, 3).tolist() == [[9, 8, 7]] * 1024
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "an empty file"),
        (b"hello, I am text", "the file is text, not a JPEG, PNG, WebP or AVIF photo"),
        (b"\x07\x08\x09", r"a file of 3 bytes that begins with b'.*' is not a JPEG"),
        (encode(Image.new("RGB", (8, 8)), "GIF"), "the file is a GIF"),
    ],
)
def test_other_files_are_not_supported(data: bytes, says: str):
    with pytest.raises(UnsupportedPhotoError, match=says):
        load_rgb(data, SIZE)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF"])
def test_animations_are_not_supported(kind: str):
    frames = [Image.fromarray(picture(seed=seed)) for seed in (1, 2)]
    with pytest.raises(UnsupportedPhotoError, match="animated"):
        load_rgb(encode(frames[0], kind, save_all=True, append_images=frames[1:]), SIZE)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_photos_do_not_decode(kind: str, kept: float):
    data = encode(Image.fromarray(np.random.default_rng(0).integers(0, 256, (160, 160, 3)).astype(np.uint8)), kind)
    with pytest.raises(UndecodablePhotoError, match="does not decode"):
        load_rgb(data[: int(len(data) * kept)], SIZE)


@pytest.mark.parametrize(
    "data", [b"\xff\xd8", b"\xff\xd8\xff\xe0 nothing more", b"\x89PNG\r\n\x1a\n", b"RIFF    WEBPVP8 "]
)
def test_a_signature_alone_does_not_decode(data: bytes):
    with pytest.raises(UndecodablePhotoError):
        load_rgb(data, SIZE)


@pytest.mark.parametrize(
    ("width", "height", "says"),
    [(20_000, 20_000, "16,384"), (16_385, 1, "16385 x 1"), (16_000, 16_000, "256,000,000 pixels.*64,000,000")],
)
def test_size_limits_are_read_from_the_header(width: int, height: int, says: str):
    with pytest.raises(PhotoTooLargeError, match=says):
        open_photo(png_header(width, height))


def test_a_photo_at_its_limits_is_opened():
    assert open_photo(png_header(40, 30), PhotoLimits(pixels=1200, side=40))[1].size == (40, 30)


def test_normalise_is_the_textbook_formula():
    settings = Preprocessing(size=32, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    rgb = np.stack([picture(seed=1), picture(seed=2)])
    images = normalise(rgb, settings)
    expected = (rgb / 255.0 - np.array(settings.mean)) / np.array(settings.std)
    assert images.dtype == np.float32
    assert images.flags.c_contiguous
    np.testing.assert_allclose(images, expected.transpose(0, 3, 1, 2), atol=1e-6)


def test_media_type_is_judged_by_the_bytes():
    photo = Image.new("RGB", (8, 8))
    assert [media_type(encode(photo, kind)) for kind in ("JPEG", "PNG", "WEBP", "AVIF", "GIF")] == [
        "image/jpeg",
        "image/png",
        "image/webp",
        "image/avif",
        None,
    ]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_broken_bytes_raise_nothing_but_photo_errors(kind: str):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    whole = encode(Image.fromarray(picture(40, 30, 4 if kind != "JPEG" else 3)), kind, exif=exif)
    rng = random.Random(0)
    refused = 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            assert load_rgb(bytes(data), SIZE, PhotoLimits(pixels=1_000_000)).shape == (32, 32, 3)
        except PhotoError:
            refused += 1
    assert refused > 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
@pytest.mark.parametrize("side", [64, 640], ids=["small", "averaged"])
def test_a_part_of_an_upright_photo_is_a_photo_of_its_own(orientation: int, kind: str, side: int):
    """The part has whole pixels, and JPEG's are whole blocks at the scale that is decoded."""
    upright = Image.fromarray(picture(side, side // 2))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exact = {} if kind == "PNG" else {"quality": 95}
    stored = upright.transpose(UNTURN[orientation]) if orientation > 1 else upright
    part = PhotoPart(0.25, 0.5, 0.5, 0.5)
    found = load_rgb(encode(stored, kind, exif=exif, **exact), SIZE, part=part)
    expected = load_rgb(encode(upright.crop((side // 4, side // 4, 3 * side // 4, side // 2)), "PNG"), SIZE)
    assert np.abs(found.astype(int) - expected).max() <= (0 if kind == "PNG" else 24)
    assert np.abs(found.astype(int) - expected).mean() <= 3


def test_the_whole_as_a_part_changes_nothing():
    data = encode(Image.fromarray(picture(700, 500)), quality=95)
    assert np.array_equal(load_rgb(data, SIZE, part=PhotoPart(0, 0, 1, 1)), load_rgb(data, SIZE))


def test_a_small_part_of_a_large_jpeg_keeps_its_detail():
    """The whole photo is decoded at an eighth of its scale; the part, at its own."""
    stripes = np.zeros((1024, 1024, 3), np.uint8)
    stripes[:64, :64:2] = 255
    data = encode(Image.fromarray(stripes), quality=95, subsampling=0)
    part = load_rgb(data, SIZE, part=PhotoPart(0, 0, 32 / 1024, 32 / 1024))
    assert part[:, ::2].mean() - part[:, 1::2].mean() > 200


@pytest.mark.parametrize("part", [PhotoPart(0.99999, 0, 0.00001, 1), PhotoPart(0, 0.5, 1e-9, 1e-9)])
def test_a_part_has_at_least_one_pixel(part: PhotoPart):
    assert load_rgb(encode(Image.new("RGB", (9, 7), "white"), "PNG"), SIZE, part=part).max() == 255


def test_the_memory_of_a_part_is_that_of_the_photo_as_it_is_decoded():
    data = encode(Image.fromarray(picture(1024, 1024)), "JPEG")
    whole, small = DecodingMemory(1024 * 1024), DecodingMemory(1024 * 1024)
    load_rgb(data, SIZE, memory=whole)
    with pytest.raises(PhotoTooLargeError, match="decoding the photo takes"):
        load_rgb(data, SIZE, memory=small, part=PhotoPart(0, 0, 0.03, 0.03))


@pytest.mark.parametrize("fit", ["letterbox", "trimmed", "crop"])
def test_a_part_fills_the_square_as_a_photo_does(fit: str):
    settings = SIZE.model_copy(update={"fit": fit})
    photo = Image.fromarray(picture(400, 300))
    found = load_rgb(encode(photo, "PNG"), settings, part=PhotoPart(0.25, 0.2, 0.5, 0.7))
    expected = load_rgb(encode(photo.crop((100, 60, 300, 270)), "PNG"), settings)
    assert np.array_equal(found, expected)


def test_an_overview_shows_the_whole_upright_photo_with_its_borders():
    pixels = np.zeros((600, 900, 3), np.uint8)
    pixels[:, 300:] = (200, 100, 50)
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    Image.fromarray(pixels).save(file, "JPEG", quality=95, exif=exif)
    overview = load_photo(file.getvalue(), Preprocessing(size=64, fit="trimmed")).overview
    assert overview.mode == "RGB"
    width, height = overview.size
    assert width < height
    assert abs(height / width - 1.5) < 0.02
    red = np.asarray(overview)[:, width // 2, 0].astype(int)
    assert red[height // 6] < 20
    assert abs(red[height // 2] - 200) < 5


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_an_overview_is_rgb_whatever_the_photo_is(mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    file = io.BytesIO()
    (Image.new(mode, (40, 30))).save(file, kind)
    overview = load_photo(file.getvalue(), Preprocessing(size=16)).overview
    assert (overview.mode, overview.size) == ("RGB", (40, 30))
