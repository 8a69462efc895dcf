import pytest
from PIL import Image

from lambda_app.errors import UnsupportedPhotoError
from lambda_app.photo.kinds import is_picture, media_type, refusal
from lambda_app.photo.preprocessing import load_rgb
from lambda_app.photo.rules import Preprocessing
from tests.releases import encode

PIXEL = Image.new("RGB", (8, 8))


def brands(*names: bytes) -> bytes:
    content = b"ftyp" + names[0] + bytes(4) + b"".join(names[1:])
    return (4 + len(content)).to_bytes(4, "big") + content + bytes(100)


FILES = {
    "GIF": encode(PIXEL, "GIF"),
    "BMP": encode(PIXEL, "BMP"),
    "TIFF": encode(PIXEL, "TIFF"),
    "ICO": encode(PIXEL.resize((16, 16)), "ICO"),
    "PDF": encode(PIXEL, "PDF"),
    "JPEG 2000": encode(PIXEL, "JPEG2000"),
    "PSD": b"8BPS\x00\x01",
    "JPEG XL": b"\xff\x0a\x00",
    "EPS": b"%!PS-Adobe-3.0",
    "RAW": b"MM\x00*\x00\x00\x00\x08",
    "CR2": b"II*\x00\x10\x00\x00\x00CR\x02\x00",
    "CR3": brands(b"crx ", b"isom"),
    "MP4": brands(b"isom", b"mp42"),
    "MOV": brands(b"qt  "),
    "WebM": b"\x1aE\xdf\xa3\x01",
    "AVI": b"RIFF\x00\x00\x00\x00AVI LIST",
    "ZIP": b"PK\x03\x04\x14",
    "HTML": b"\n\n  <!DOCTYPE html><html>404</html>",
    "HTML ": b"\xef\xbb\xbf<!-- moved --><HTML lang=en>",
    "SVG": b'<?xml version="1.0"?><!-- x --><svg xmlns="http://www.w3.org/2000/svg">',
    "XML": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "JSON": b'{"error": "not found"}',
    "data URI": b"data:image/jpeg;base64,/9j/4AAQ",
    "base64": b"/9j/4AAQSkZJRgABAQAAAQABAAD",
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\n",
    "text": b"Too many requests\r\n",
    "empty file": b"",
}


@pytest.mark.parametrize("name", FILES)
def test_the_kind_of_file_is_named(name: str):
    with pytest.raises(UnsupportedPhotoError, match=rf"\b{name.strip()}\b.* not a JPEG, PNG, WebP or AVIF photo"):
        load_rgb(FILES[name], Preprocessing(size=32))


@pytest.mark.parametrize("name", ["GIF", "TIFF", "PDF", "MP4", "HTML"])
def test_a_cut_file_is_named_too(name: str):
    assert name in refusal(FILES[name][:24].lstrip()[:16])


@pytest.mark.parametrize("names", [(b"heic", b"mif1"), (b"mif1", b"heic"), (b"heix",), (b"msf1", b"hevc")])
def test_heic_is_refused_with_what_to_do(names: tuple[bytes, ...]):
    for data in (brands(*names), brands(*names)[:12]):
        assert media_type(data) is None
        assert refusal(data).startswith("This is a HEIC photo. Send JPEG: iPhone Settings > Camera > Formats > Most")


def test_avif_is_known_by_any_of_its_brands():
    assert media_type(brands(b"mif1", b"miaf", b"avif")) == "image/avif"
    assert media_type(brands(b"heic", b"avif")) == "image/avif"
    assert media_type(brands(b"isom", b"mp42")) is None


def test_what_is_unknown_is_shown_by_its_first_bytes():
    assert (
        refusal(b"\x07\x08\x09")
        == "a file of 3 bytes that begins with b'\\x07\\x08\\t' is not a JPEG, PNG, WebP or AVIF photo"
    )


@pytest.mark.parametrize(
    ("data", "picture"),
    [
        (b"GIF89a", True),
        (b"\xff\xd8\xff\xe0", True),
        (b"\0\0\0\x18ftypheic", True),
        (b"II*\0\x08", True),
        (b"BM\x36\x10\0\0\0\0\0\0\x36", True),
        (b'<svg xmlns="', True),
        (b"BMW 320, used", False),
        (b"%PDF-1.7", False),
        (b"PK\x03\x04", False),
        (b"<html>", False),
        (b"", False),
    ],
)
def test_a_picture_is_told_from_other_files_whether_it_is_read_or_not(data, picture):
    assert is_picture(data) == picture
