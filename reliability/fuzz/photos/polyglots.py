"""Files that are a photo and something else at once, or that only begin like a photo."""

import io
import zipfile
from random import Random

from reliability.fuzz.photos.jpeg import COMMENT, joined, read_segments, segment
from reliability.fuzz.photos.sound import pick

HTML = b"<html><body><script>alert(document.domain)</script></body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n%%EOF"
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n"
MVG = b"push graphic-context\nviewbox 0 0 640 480\nfill 'url(https://127.0.0.1/x.jpg\"|id\")'\npop graphic-context"
SHELL = b"#!/bin/sh\nid > /dev/null\n"
EXECUTABLE = b"\x7fELF\x02\x01\x01" + bytes(57)
MOVIE = b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(100)
SIGNATURES = (
    b"",
    b"\xff",
    b"\xff\xd8",
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\0\0\0\0WEBP",
    b"RIFF\xff\xff\xff\xffWEBPVP8 ",
    b"GIF89a",
    b"BM",
)
OTHERS = (HTML, SVG, PDF, POSTSCRIPT, MVG, SHELL, EXECUTABLE, MOVIE)


def archive() -> bytes:
    """A zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("../../evil.sh", SHELL)
    return buffer.getvalue()


def polyglot(random: Random) -> bytes:
    """A photo with another file before, behind or within it."""
    photo, other = pick(random), random.choice((*OTHERS, archive()))
    within = read_segments(pick(random, "jpeg"))
    return random.choice(
        (
            photo + other,
            other + photo,
            joined([within[0], segment(COMMENT, other), *within[1:]]),
            b"GIF89a/*" + other + b"*/=1;",
            photo + photo,
        )
    )


def another_file(random: Random) -> bytes:
    """No photo at all: another file, an empty one, or a signature and little more."""
    if random.random() < 0.4:
        return random.choice((*OTHERS, archive()))
    return random.choice(SIGNATURES) + random.randbytes(random.choice((0, 1, 10, 1000, 100_000)))
