"""What a file is, by its first bytes: a photo that is read, or another kind, named for the message of a refusal."""

import re

from lambda_app.photo.rules import MEDIA_TYPES

READ = "JPEG, PNG, WebP or AVIF"
_HEIC_ADVICE = (
    "This is a HEIC photo. Send JPEG: iPhone Settings > Camera > Formats > Most Compatible, or share the photo by mail "
    "or export it as JPEG; on Android, turn off HEIC (high efficiency) in the camera's settings"
)
_HEIC = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"))
_AVIF = frozenset((b"avif", b"avis"))
_RAW = "a camera's RAW file"
# By their first bytes; the first that fits counts. Names are what people call the files.
_PICTURES = (
    (b"GIF8", "a GIF"),
    (b"8BPS", "a Photoshop file (PSD)"),
    (b"\xff\x0a", "a JPEG XL photo"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL photo"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 photo"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 photo"),
    (b"II*\x00\x10\x00\x00\x00CR", f"{_RAW} (CR2)"),
    (b"II*\x00", f"a TIFF, or {_RAW} (DNG, NEF, ARW)"),
    (b"MM\x00*", f"a TIFF, or {_RAW} (DNG, NEF, ARW)"),
    (b"II+\x00", "a TIFF (BigTIFF)"),
    (b"MM\x00+", "a TIFF (BigTIFF)"),
    (b"IIRO", f"{_RAW} (ORF)"),
    (b"IIU\x00", f"{_RAW} (RW2)"),
    (b"FUJIFILMCCD-RAW", f"{_RAW} (RAF)"),
    (b"\x00\x00\x01\x00", "an icon (ICO)"),
    (b"\x00\x00\x02\x00", "a cursor (CUR)"),
    (b"BM", "a BMP"),
)
_SIGNATURES = (
    *_PICTURES,
    (b"%PDF", "a PDF"),
    (b"%!PS", "a PostScript file (EPS)"),
    (b"PK\x03\x04", "a ZIP archive, or a document made of one"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x1aE\xdf\xa3", "a video (WebM or Matroska)"),
    (b"\x00\x00\x01\xba", "a video (MPEG)"),
    (b"\x00\x00\x01\xb3", "a video (MPEG)"),
    (b"FLV\x01", "a video (FLV)"),
    (b"OggS", "a video or sound (Ogg)"),
    (b"ID3", "a sound (MP3)"),
    (b"\xd0\xcf\x11\xe0", "a Microsoft Office document"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the photo itself"),
)
_TEXTS = (
    (re.compile(rb"<svg[\s>]", re.I), "an SVG drawing"),
    (re.compile(rb"<(!doctype\s+html|html|head|body|script|title)\b", re.I), "an HTML page"),
    (re.compile(rb"\s*<\?xml|\s*<[a-z:]+[\s>]", re.I), "XML"),
    (re.compile(rb"\s*data:[a-z]+/", re.I), "a data URI; send the bytes that it stands for"),
    (re.compile(rb"\s*(/9j/|iVBORw0KGgo|UklGR)"), "a photo as base64 text; send its bytes"),
    (re.compile(rb"\s*[\[{]"), "JSON"),
)
_LOOKED_AT = 1024  # bytes of a text
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_VIDEO_BOXES = frozenset((b"moov", b"mdat", b"wide", b"free", b"skip"))


def media_type(data: bytes) -> str | None:
    """The media type according to the file's first bytes; None if it is no photo that `load_rgb` reads."""
    if data[:2] == b"\xff\xd8":
        return MEDIA_TYPES["JPEG"]
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return MEDIA_TYPES["PNG"]
    if (data[:4], data[8:12]) == (b"RIFF", b"WEBP"):
        return MEDIA_TYPES["WEBP"]
    return MEDIA_TYPES["AVIF"] if _brands(data) & _AVIF else None


def is_picture(data: bytes) -> bool:
    """Whether the first bytes are those of a picture, or of a video, in any format, read or not."""
    if data[:2] == b"BM":
        return data[6:10] == bytes(4)  # two letters alone may begin a text
    pictures = (signature for signature, _ in _PICTURES)
    return media_type(data) is not None or data[4:8] == b"ftyp" or b"<svg" in data or data.startswith(tuple(pictures))


def refusal(data: bytes) -> str:
    """Why a file of another kind is refused, in words that name the kind where it is known."""
    if not data:
        return f"an empty file is not a {READ} photo"
    if not _brands(data) & _AVIF and _brands(data) & _HEIC:
        return _HEIC_ADVICE
    kind = _kind(data)
    if kind:
        return f"the file is {kind}, not a {READ} photo"
    return f"a file of {len(data):,} bytes that begins with {data[:8]!r} is not a {READ} photo"


def _kind(data: bytes) -> str | None:
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[4:8] == b"ftyp":
        return f"{_RAW} (CR3)" if data[8:12] == b"crx " else "a video (MP4 or MOV)"
    if data[4:8] in _VIDEO_BOXES:
        return "a video (MOV)"
    if data[:4] == b"RIFF":
        return {b"AVI ": "a video (AVI)", b"WAVE": "a sound (WAV)"}.get(data[8:12], "a RIFF file without a photo")
    return _text_kind(data[:_LOOKED_AT])


def _text_kind(data: bytes) -> str | None:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16
        data = data[2:].replace(b"\x00", b"")
    data = data.removeprefix(b"\xef\xbb\xbf")
    for pattern, name in _TEXTS:
        if pattern.search(data) if name in ("an SVG drawing", "an HTML page") else pattern.match(data):
            return name
    try:
        return "text" if _UNPRINTABLE.search(data.decode()) is None else None
    except UnicodeDecodeError:
        return None


def _brands(data: bytes) -> frozenset[bytes]:
    """The brands of an ISO media file (ISO/IEC 14496-12, section 4.3), also of one that is cut off within them."""
    if data[4:8] != b"ftyp":
        return frozenset()
    names = data[8 : max(12, min(int.from_bytes(data[:4], "big"), 256))]
    return frozenset(names[at : at + 4] for at in range(0, len(names), 4) if at != 4)  # the second is a version
