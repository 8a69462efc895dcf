"""Read the lines of a text file whose encoding and line ends are unknown."""

import codecs
import io
import re
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
_HEAD_BYTES = 2**16
_UNREADABLE = "\ufffd"
# The first words of a line that are not plain ASCII, as an example in a message.
_FOREIGN_WORDS = re.compile(r"[^,;\t|\"]*[^\x00-\x7f][^,;\t|\"]*")


class TextLines:
    """The lines of a text file. What is unknown about the file is found out from its beginning and while reading.

    Encoding: a byte order mark decides, else the caller, else bytes that are zero at every second place (UTF-16).
    Without any of these, each line is decoded as UTF-8 if it is valid UTF-8, else as Windows-1252. So no row is lost
    from an old export, or from a file that was joined from several files; `warnings` say so.

    A line ends with LF only; with CR only if the first line does.
    """

    def __init__(self, path: Path, limit: int, encoding: str | None = None) -> None:
        """Read `path`; its lines must have at most `limit` characters. `encoding`: used unless the file has a mark."""
        self._path = path
        self._limit = limit
        self._asked = encoding
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        self._mark, marked = next(((mark, name) for mark, name in BOMS if head.startswith(mark)), (b"", None))
        # None: line by line, UTF-8 or Windows-1252.
        self._declared: str | None = marked or encoding or _utf16_without_mark(head)
        if marked == "utf-8":
            self._declared = None
        elif not marked and encoding and codecs.lookup(encoding).name == "utf-16":
            self._declared = _utf16_without_mark(head) or "utf-16-le"
        self.ends_with_cr = _ends_with_cr(head.decode(self._declared or "latin-1", "replace"))
        self._reset()

    def _reset(self) -> None:
        self._utf8 = self._cp1252 = self._unreadable = 0
        self._example = ""

    @property
    def encoding(self) -> str:
        """Encoding of the lines, such as "utf-8", "cp1252" or "utf-8 and cp1252"; complete after reading all lines."""
        if self._declared:
            return self._declared
        if not self._cp1252:
            return "utf-8"
        return "utf-8 and cp1252" if self._utf8 else "cp1252"

    @property
    def warnings(self) -> list[str]:
        """What a person should check, one sentence each; complete after reading all lines."""
        name, found = self._path.name, []
        if self._cp1252:
            found.append(
                f"{name}: {self._cp1252:,} lines are not UTF-8 and were read as Windows-1252 (cp1252), an assumption; "
                f"the first reads {self._example}. If that is wrong, give --encoding"
            )
        if self._unreadable:
            found.append(
                f"{name}: {self._unreadable:,} lines have bytes that are not {self._declared}; the first reads "
                f"{self._example}"
            )
        if self._mark and self._asked and not _same(self._asked, self.encoding):
            found.append(f"{name}: its byte order mark says {self.encoding}, so --encoding {self._asked} was not used")
        return found

    def __iter__(self) -> Iterator[str]:
        """Yield the lines without their ends.

        Raises:
            DataError: a line is longer than the limit.
        """
        self._reset()
        with self._path.open("rb") as file:
            if self._declared is None:
                file.seek(len(self._mark))
                decode = self._decode
                for read in self._by_line(file):
                    yield read.decode("ascii") if read.isascii() else decode(read)
                return
            end = "\r" if self.ends_with_cr else "\n"
            # newline: split only there, without newline translation.
            text = io.TextIOWrapper(file, self._declared, errors="replace", newline=end)
            for number, line in enumerate(iter(lambda: text.readline(self._limit + 1), ""), start=1):
                whole = self._checked(line).removesuffix(end)
                if _UNREADABLE in whole:
                    self._unreadable += 1
                    self._example = self._example or _shown(number, whole)
                yield whole

    def _by_line(self, file: BinaryIO) -> Iterator[bytes]:
        if not self.ends_with_cr:
            while line := file.readline(self._limit + 1):
                yield self._checked(line).removesuffix(b"\n")
            return
        rest = b""
        while block := file.read(_HEAD_BYTES):
            *lines, rest = self._checked(rest + block).split(b"\r")
            yield from lines
        if rest:
            yield rest

    def _decode(self, line: bytes) -> str:
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            self._cp1252 += 1
            text = codecs.charmap_decode(line, "strict", _CP1252)[0]
            self._example = self._example or repr(_words(text))
            return text
        self._utf8 += 1
        return text

    def _checked(self, line: AnyStr) -> AnyStr:
        if len(line) > self._limit:
            raise DataError(f"{self._path.name} has a line of more than {self._limit:,} characters")
        return line


def _utf16_without_mark(head: bytes) -> str | None:
    """The UTF-16 encoding of bytes without a mark: ASCII characters have a zero byte, always on the same side."""
    high, low = head[1::2].count(0), head[0::2].count(0)
    if max(high, low) < len(head) / 40 or min(high, low) * 10 > max(high, low):
        return None
    name = "utf-16-le" if high > low else "utf-16-be"
    # In another text with a few zero bytes, no line end is at the right place.
    return name if re.search(r"[\r\n]", head.decode(name, "ignore")) else None


def _ends_with_cr(head: str) -> bool:
    """Whether lines end with CR alone: the first line does, and most ends are such."""
    first = re.search(r"[\r\n]", re.sub(r'"[^"]*"', "", head))
    if first is None or first[0] == "\n":
        return False
    return "\r\n" not in head and head.count("\r") >= head.count("\n")


def _same(one: str, other: str) -> bool:
    return codecs.lookup(other).name.startswith(codecs.lookup(one).name.removesuffix("-sig"))


def _words(line: str) -> str:
    found = _FOREIGN_WORDS.search(line)
    return found[0].strip()[:40] if found else line[:40]


def _shown(number: int, line: str) -> str:
    return f"{_words(line)!r} in line {number}"
