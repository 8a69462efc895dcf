"""The lines of a text file in whatever encoding it was written."""

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import AnyStr, BinaryIO

from training.errors import DataError

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Windows-1252, with the five bytes that it leaves undefined read as Latin-1: every byte is some character.
_CP1252 = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256))


class TextLines:
    """The text lines of a file, split at LF alone; the encoding is found out along the way.

    A byte order mark decides. Without one each line is UTF-8 if it can be and Windows-1252 otherwise, so that neither
    an old export nor a file put together from several loses a row.
    """

    def __init__(self, path: Path, limit: int) -> None:
        """Take a file whose lines must not be longer than `limit` characters."""
        self._path = path
        self._limit = limit
        self._declared: str | None = None
        self._utf8 = self._cp1252 = 0

    @property
    def encoding(self) -> str:
        """What the lines were written in, such as "utf-8", "cp1252" or "utf-8 and cp1252"; known after the pass."""
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
            # newline="\n": split at LF alone and translate nothing.
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
            raise DataError(f"{self._path.name} holds a line of more than {self._limit:,} characters")
        return line
