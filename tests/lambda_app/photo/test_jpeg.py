import io
import struct
import time

import numpy as np
import pytest
from PIL import Image

from lambda_app.errors import PhotoTooLargeError, UndecodablePhotoError, UnsupportedPhotoError
from lambda_app.photo.frame import MOST_SCANS
from lambda_app.photo.jpeg import MOST_SEGMENTS, read_jpeg
from lambda_app.photo.preprocessing import load_rgb
from lambda_app.photo.rules import PhotoLimits, Preprocessing
from tests.releases import encode

SIZE = Preprocessing(size=32)
LIMITS = PhotoLimits()
SCAN = b"\xff\xda"


def noise(width: int = 64, height: int = 48) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8))


def segment(code: int, content: bytes) -> bytes:
    return bytes([0xFF, code]) + struct.pack(">H", 2 + len(content)) + content


def refinement(count: int) -> bytes:
    """Scans that refine the first component by nothing; a decoder walks over all of its blocks for each."""
    return count * (segment(0xDA, b"\x01\x01\x00\x01\x3f\x10") + b"\x00\x00")


def with_scans(photo: Image.Image, count: int) -> bytes:
    """A progressive JPEG with that many more scans than the encoder wrote."""
    return encode(photo, progressive=True)[:-2] + refinement(count) + b"\xff\xd9"


def with_segments(data: bytes, *segments: bytes) -> bytes:
    return data[:2] + b"".join(segments) + data[2:]


def test_thousands_of_scans_are_refused_before_anything_is_decoded():
    data = with_scans(noise(1600, 1200).resize((1600, 1200)).reduce(8).resize((1600, 1200)), 5000)
    begun = time.process_time()
    with pytest.raises(PhotoTooLargeError, match="more than 500 scans, which is the limit"):
        load_rgb(data, SIZE)
    assert time.process_time() - begun < 0.5  # a decode takes seconds


def test_scans_times_samples_are_limited():
    limits = PhotoLimits(pixels=64 * 48)
    load_rgb(with_scans(noise(), 4), SIZE, limits)
    says = r"JPEG of 4,608 samples, and its first \d+ scans visit \d+,\d+; the limit is 76,800"
    with pytest.raises(PhotoTooLargeError, match=says):
        load_rgb(with_scans(noise(), 30), SIZE, limits)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_usual_progressive_photo_passes_at_the_largest_area(mode: str, subsampling: int):
    photo = Image.new(mode, (2048, 2048))
    data = encode(photo, progressive=True, subsampling=subsampling)
    assert load_rgb(data, SIZE, PhotoLimits(pixels=2048 * 2048)).shape == (32, 32, 3)


def test_a_scan_costs_even_if_the_picture_is_tiny():
    with pytest.raises(PhotoTooLargeError, match=f"more than {MOST_SCANS} scans"):
        load_rgb(with_scans(noise(8, 8), MOST_SCANS), SIZE)


def test_scans_of_a_picture_within_or_behind_the_photo_do_not_count():
    other = with_scans(noise(8, 8), 450)
    data = encode(noise(), progressive=True)
    both = with_segments(data, segment(0xE1, b"Exif\x00\x00" + other[:60_000])) + other * 3
    assert np.array_equal(load_rgb(both, SIZE), load_rgb(data, SIZE))


def test_scans_behind_one_of_all_components_are_refused_at_the_first():
    data = encode(noise())
    begun = time.process_time()
    with pytest.raises(UndecodablePhotoError):
        load_rgb(data[:-2] + refinement(5000) + data[-2:], SIZE)
    assert time.process_time() - begun < 0.5


def test_segments_are_counted():
    comment = segment(0xFE, b"")
    with pytest.raises(PhotoTooLargeError, match="more than 1,000 segments"):
        load_rgb(with_segments(encode(noise()), comment * MOST_SEGMENTS), SIZE)
    assert load_rgb(with_segments(encode(noise()), comment * (MOST_SEGMENTS - 20)), SIZE).any()


def test_metadata_goes_no_further():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a private description"
    data = encode(noise(), exif=exif, comment=b"private too", icc_profile=b"a private profile")
    read = read_jpeg(data, LIMITS)
    assert b"private" in data
    assert b"private" not in read.data
    assert read.orientation == 6
    assert Image.open(io.BytesIO(read.data)).tobytes() == Image.open(io.BytesIO(data)).tobytes()


def test_a_crafted_exif_block_costs_nothing():
    # 65,535 entries, each of which is 60,000 bytes long and begins at 0: Pillow would copy 4 GB.
    entries = b"".join(struct.pack("<HHLL", tag, 7, 60_000, 0) for tag in range(5000))
    block = b"Exif\x00\x00II*\x00" + struct.pack("<LH", 8, 5000) + entries
    begun = time.process_time()
    load_rgb(with_segments(encode(noise()), segment(0xE1, block), segment(0xE1, block)), SIZE)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize("code", [0xC3, 0xC5, 0xC9, 0xCA, 0xCF])
def test_coding_processes_that_browsers_do_not_show_are_not_supported(code: int):
    data = encode(noise()).replace(b"\xff\xc0", bytes([0xFF, code]), 1)
    with pytest.raises(UnsupportedPhotoError, match=f"coding process 0x{code:02x}"):
        load_rgb(data, SIZE)


def test_what_other_decoders_skip_between_segments_is_skipped():
    data = encode(noise())
    assert np.array_equal(load_rgb(data[:2] + b"\x00junk\xff\xff" + data[2:], SIZE), load_rgb(data, SIZE))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff\xd8", "the file ends before the picture"),
        (b"\xff\xd8\xff\xd9", "segment 0xd9 ends early"),
        (b"\xff\xd8\xff\xdb\x00\x01", "segment 0xdb ends early"),
        (b"\xff\xd8\xff\xdb\x10\x00rest", "segment 0xdb ends early"),
        (b"\xff\xd8\xff\xe0\x10\x00rest", "the file ends before the picture"),
        (b"\xff\xd8" + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00"), "a scan comes before the frame"),
        (b"\xff\xd8" + segment(0xC0, b"\x08\x00\x01\x00\x01\x03"), "wrong length"),
        (b"\xff\xd8" + segment(0xC0, b""), "wrong length"),
    ],
)
def test_damaged_segments_do_not_decode(data: bytes, says: str):
    with pytest.raises(UndecodablePhotoError, match=says):
        read_jpeg(data, LIMITS)


@pytest.mark.parametrize(
    "extra",
    [
        segment(0xE0, b"JFIF"),
        segment(0xE0, b"JFIF\x00\x01"),
        segment(0xEE, b"Adobe"),
        segment(0xEE, b"Adobe\x00\x64"),
        segment(0xED, b"Photoshop 3.0\x008BIM\x03\xed"),
        segment(0xE1, b"Exif\x00\x00garbage"),
        segment(0xE1, b"Exif\x00\x00II*\x00"),
        segment(0xE2, b"MPF\x00II"),
        segment(0xE2, b"ICC_PROFILE\x00"),
        segment(0xE2, b"ICC_PROFILE\x00\x01\x01x"),
        segment(0xFE, bytes(60_000)),
        b"\xff\xe1\xff\xf0Exif",
        b"\xff\xe1\x00\x00",
    ],
    ids=lambda extra: repr(extra[:16]),
)
def test_damaged_segments_that_decide_no_pixel_cost_nothing(extra: bytes):
    data = encode(noise(), dpi=(300, 300))
    assert np.array_equal(load_rgb(with_segments(data, extra), SIZE), load_rgb(data, SIZE))
    assert np.array_equal(load_rgb(data[:20] + extra + data[20:], SIZE), load_rgb(data, SIZE))
