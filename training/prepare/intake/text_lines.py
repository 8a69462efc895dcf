"""Read the lines of a text file whose encoding is unknown."""

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import AnyStr, BinaryIO

from training.errors import DataError

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, because its mark starts with the UTF-16 mark
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Windows-1252; its five undefined bytes are read as Latin-1, so that every byte is a character.
_CP1252 = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256))


class TextLines:
    """The lines of a text file, split only at LF; the encoding is detected while reading.

    If there is a byte order mark, it gives the encoding. Otherwise each line is decoded as UTF-8 if it is valid UTF-8,
    else as Windows-1252. So no row is lost from an old export, or from a file that was joined from several files.
    """

    def __init__(self, path: Path, limit: int) -> None:
        """Read `path`; its lines must have at most `limit` characters."""
        self._path = path
        self._limit = limit
        self._declared: str | None = None
        self._utf8 = self._cp1252 = 0

    @property
    def encoding(self) -> str:
        """Encoding of the lines, such as "utf-8", "cp1252" or "utf-8 and cp1252"; complete after reading all lines."""
        if self._declared:
            return self._declared
        if not self._cp1252:
            return "utf-8"
        return "utf-8 and cp1252" if self._utf8 else "cp1252"

    def __iter__(self) -> Iterator[str]:
        """Yield the lines without their LF.

        Raises:
            DataError: a line is longer than the limit.
        """
        with self._path.open("rb") as file:
            start = file.read(4)
            mark, encoding = next(((mark, name) for mark, name in BOMS if start.startswith(mark)), (b"", None))
            if encoding in (None, "utf-8"):
                file.seek(len(mark))
                yield from self._by_line(file)
                return
            self._declared = encoding
            file.seek(0)
            # newline="\n": split only at LF, without newline translation.
            text = io.TextIOWrapper(file, encoding, errors="replace", newline="\n")
            while line := text.readline(self._limit + 1):
                yield self._checked(line).removesuffix("\n")

    def _by_line(self, file: BinaryIO) -> Iterator[str]:
        while line := file.readline(self._limit + 1):
            yield self._decode(self._checked(line).removesuffix(b"\n"))

    def _decode(self, line: bytes) -> str:
        if line.isascii():
            return line.decode("ascii")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            self._cp1252 += 1
            return codecs.charmap_decode(line, "strict", _CP1252)[0]
        self._utf8 += 1
        return text

    def _checked(self, line: AnyStr) -> AnyStr:
        if len(line) > self._limit:
            raise DataError(f"{self._path.name} has a line of more than {self._limit:,} characters")
        return line
