import io
import struct
import threading
import time
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from lambda_app.photo.colour import MOST_PROFILE_BYTES, Conversions
from lambda_app.photo.preprocessing import load_rgb
from lambda_app.photo.rules import Preprocessing
from tests.releases import encode

SIZE = Preprocessing(size=48)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# Primaries adapted to D50, and gamma, of profiles that phones and cameras write.
P3 = ((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841), 2.2)
ADOBE = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446), 2.19921875)


def tag(kind: bytes, content: bytes) -> bytes:
    return kind + bytes(4) + content


def profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A version 2 profile (ICC.1:2001) of a screen."""
    table, content = struct.pack(">L", len(tags)), b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sLL", name, 128 + 4 + 12 * len(tags) + len(content), len(data))
        content += data
    header = struct.pack(
        ">L4sL4s4s4s12x4s28x3l48x", 0, b"", 0x02100000, b"mntr", space, b"XYZ ", b"acsp", 63190, 65536, 54061
    )
    whole = header + table + content
    return struct.pack(">L", len(whole)) + whole[4:]


def xyz(*values: float) -> bytes:
    return tag(b"XYZ ", struct.pack(">3l", *(round(value * 65536) for value in values)))


def gamma(value: float) -> bytes:
    return tag(b"curv", struct.pack(">LH", 1, round(value * 256)) + bytes(2))


NAMES = {b"desc": tag(b"desc", struct.pack(">L", 2) + b"x\x00" + bytes(78)), b"cprt": tag(b"text", b"none\x00")}


def matrix_profile(red: tuple, green: tuple, blue: tuple, power: float) -> bytes:
    white = {b"wtpt": xyz(0.9642, 1.0, 0.8249), b"rXYZ": xyz(*red), b"gXYZ": xyz(*green), b"bXYZ": xyz(*blue)}
    return profile(b"RGB ", NAMES | white | {name: gamma(power) for name in (b"rTRC", b"gTRC", b"bTRC")})


def grey_profile(power: float) -> bytes:
    return profile(b"GRAY", NAMES | {b"wtpt": xyz(0.9642, 1.0, 0.8249), b"kTRC": gamma(power)})


def scene() -> Image.Image:
    """Colours of medium saturation, which the wider spaces hold too."""
    grid = np.random.default_rng(0).integers(60, 200, (6, 6, 3)).astype(np.uint8)
    return Image.fromarray(grid).resize((48, 48), Image.Resampling.BICUBIC)


def stored_in(icc: bytes) -> Image.Image:
    """The scene as a camera with that profile would store it."""
    target = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    return ImageCms.buildTransform(ImageCms.createProfile("sRGB"), target, "RGB", "RGB").apply(scene())


@pytest.mark.parametrize("primaries", [P3, ADOBE], ids=["P3", "Adobe RGB"])
@pytest.mark.parametrize(("kind", "limit"), [("PNG", 3), ("WEBP", 3), ("AVIF", 12), ("JPEG", 12)])
def test_a_photo_in_another_colour_space_becomes_that_in_srgb(primaries: tuple, kind: str, limit: int):
    icc = matrix_profile(*primaries)
    options = {"PNG": {}, "WEBP": {"lossless": True}}.get(kind, {"quality": 100})
    stored = stored_in(icc)
    assert np.abs(np.asarray(stored).astype(int) - np.asarray(scene())).max() > 15
    rgb = load_rgb(encode(stored, kind, icc_profile=icc, **options), SIZE)
    assert np.abs(rgb.astype(int) - np.asarray(scene())).max() <= limit


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_profiles_count_for_transparent_photos_and_palettes(mode: str):
    icc = matrix_profile(*ADOBE)
    stored = stored_in(icc).convert("RGBA") if mode == "RGBA" else stored_in(icc).quantize(64)
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    expected = ImageCms.buildTransform(
        source, ImageCms.createProfile("sRGB"), "RGB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC
    ).apply(stored.convert("RGB"))
    rgb = load_rgb(encode(stored, "PNG", icc_profile=icc), SIZE)
    assert np.abs(rgb.astype(int) - np.asarray(expected)).max() <= 2


def test_a_grey_photo_is_converted_by_its_curve():
    ramp = Image.fromarray(np.tile(np.arange(48, dtype=np.uint8) * 5, (48, 1)))
    darker = load_rgb(encode(ramp, "PNG", icc_profile=grey_profile(1.8)), SIZE)
    light = (np.asarray(ramp).astype(float) / 255) ** 1.8
    expected = np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, 12.92 * light) * 255
    assert np.abs(darker[..., 0] - expected).max() <= 2
    assert np.abs(expected - np.asarray(ramp)).max() > 10


def test_inks_whose_profile_says_nothing_are_converted_simply():
    icc = profile(b"CMYK", NAMES | {b"wtpt": xyz(0.9642, 1.0, 0.8249)})  # without tables, so it says nothing
    inks = encode(scene().convert("CMYK"), quality=100)
    assert np.array_equal(
        load_rgb(encode(scene().convert("CMYK"), quality=100, icc_profile=icc), SIZE), load_rgb(inks, SIZE)
    )


@pytest.mark.parametrize(
    "icc",
    [
        SRGB,
        b"no profile at all",
        SRGB[:200],
        matrix_profile(*P3)[:300],
        matrix_profile(*P3) + bytes(MOST_PROFILE_BYTES),
        matrix_profile(*P3) + b"mpet",
        grey_profile(1.0),
        matrix_profile(*P3)[:36] + b"xxxx" + matrix_profile(*P3)[40:],
    ],
    ids=["sRGB", "text", "cut sRGB", "cut", "large", "program", "of grey", "no signature"],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_other_profiles_change_nothing(icc: bytes, kind: str):
    assert np.array_equal(load_rgb(encode(scene(), kind, icc_profile=icc), SIZE), load_rgb(encode(scene(), kind), SIZE))


def test_a_profile_that_unpacks_to_gigabytes_costs_nothing():
    packed = zlib.compress(bytes(200 << 20), 9)
    content = b"x\x00\x00" + packed
    chunk = struct.pack(">I", len(content)) + b"iCCP" + content + bytes(4)
    data = encode(scene(), "PNG")
    begun = time.process_time()
    assert np.array_equal(load_rgb(data[:33] + chunk + data[33:], SIZE), load_rgb(data, SIZE))
    assert time.process_time() - begun < 0.2


def test_a_profile_in_several_segments_is_joined_and_one_with_a_gap_ignored():
    icc = matrix_profile(*P3)
    parts = [b"ICC_PROFILE\x00" + bytes([n + 1, 2]) + icc[n * 300 : 300 if n == 0 else None] for n in range(2)]
    segments = [b"\xff\xe2" + struct.pack(">H", len(part) + 2) + part for part in parts]
    data, whole = encode(scene(), quality=95), encode(scene(), quality=95, icc_profile=icc)
    assert np.array_equal(load_rgb(data[:2] + segments[1] + segments[0] + data[2:], SIZE), load_rgb(whole, SIZE))
    assert np.array_equal(load_rgb(data[:2] + segments[1] + data[2:], SIZE), load_rgb(data, SIZE))


def test_conversions_are_kept_by_digest_up_to_their_limit():
    conversions = Conversions(most=2)
    icc = [matrix_profile(*P3[:3], power) for power in (1.8, 2.0, 2.4)]
    first = conversions.of(icc[0], "RGB")
    assert first is not None
    assert conversions.of(bytes(icc[0]), "RGB") is first
    conversions.of(icc[1], "RGB")
    conversions.of(icc[2], "RGB")
    assert conversions.of(icc[0], "RGB") is not first


def test_threads_get_the_same_pixels():
    data = encode(stored_in(matrix_profile(*ADOBE)), "PNG", icc_profile=matrix_profile(*ADOBE))
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(load_rgb(data, SIZE).tobytes())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
