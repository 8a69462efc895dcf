"""Join the lines of a CSV file into rows, with any text in the fields.

Python's csv module ends a record at a bare CR, and after one stray quote it reads the rest of the file as one field.
Here a record ends with LF, or with CRLF if the header does. An opening quote without a closing one is plain text.
"""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

MAX_RECORD_CHARS = 16 * 2**20
# The rest of a quoted field and its closing quote. Possessive quantifiers: no backtracking in fields of megabytes.
_TO_CLOSING_QUOTE = re.compile(r'[^"]*+(?:""[^"]*+)*+"')
_TO_UNESCAPED_QUOTE = re.compile(r'[^"\\]*+(?:(?:""|\\.|\\$)[^"\\]*+)*+"', re.DOTALL)
# How many lines more a repaired record may have than it seemed.
_MORE_LINES = 200
_ESCAPED = re.compile(r'\\(["\\])')


@dataclass(frozen=True)
class Dialect:
    """How fields and records are told apart.

    Attributes:
        delimiter: one character between fields.
        crlf: records end with CRLF, so a CR at the end of a line is not text.
        escapes: a backslash before a quote makes it text.
        blanks: blanks between a delimiter and an opening quote are no text.
    """

    delimiter: str = ","
    crlf: bool = False
    escapes: bool = False
    blanks: bool = False

    @cached_property
    def field_end(self) -> re.Pattern[str]:
        return re.compile(rf"{re.escape(self.delimiter)}|\r?\Z")

    @cached_property
    def repairs(self) -> tuple["Dialect", ...]:
        """What to try if a record does not fit: exports of databases escape quotes, people put blanks after commas."""
        plain = (self.delimiter, self.crlf)
        return Dialect(*plain, escapes=True), Dialect(*plain, blanks=True)


class Row(NamedTuple):
    """The fields of a row. `line`: where it begins, from 1; `stray`, `doubtful`: see `CsvTable`."""

    fields: list[str]
    line: int
    stray: bool = False
    doubtful: bool = False


def rows(lines: Iterable[str], dialect: Dialect, width: int | None = None, key: int = 0) -> Iterator[Row]:
    """Join lines into rows; blank lines are left out.

    If a stray quote joined too many lines, they are put back and read again one by one.

    Args:
        width: number of columns, if known; key: place of the id column. Both tell whether a line looks like a row.
    """
    return iter(_Reader(iter(lines), dialect, width, key))


class _Reader:
    def __init__(self, lines: Iterator[str], dialect: Dialect, width: int | None, key: int) -> None:
        self._lines = lines
        self._dialect = dialect
        self._width = width
        self._key = key
        self._put_back: deque[str] = deque()
        self._read = 0

    def __iter__(self) -> Iterator[Row]:
        put_back, lines = self._put_back, self._lines
        delimiter, crlf = self._dialect.delimiter, self._dialect.crlf
        while True:
            if put_back:
                line = put_back.popleft()
            else:
                following = next(lines, None)
                if following is None:
                    return
                line = following
                self._read += 1
            if not line or line.isspace():
                continue
            number = self._read - len(put_back)
            bare = line[:-1] if crlf and line.endswith("\r") else line
            if '"' not in bare:
                yield Row(bare.split(delimiter), number)
            else:
                fields = self._sound(bare)
                yield Row(fields, number) if fields else self._quoted(line, number)

    def _next_line(self) -> str | None:
        if self._put_back:
            return self._put_back.popleft()
        line = next(self._lines, None)
        self._read += line is not None
        return line

    def _sound(self, line: str) -> list[str] | None:
        """The fields of a line whose quotes follow the rules and give the right width; None for other lines.

        Python's csv module is several times as fast as `_Scan`, and agrees with it on such lines.
        """
        if "\r" in line:
            return None
        try:
            dialect = self._dialect
            reader = csv.reader((line,), delimiter=dialect.delimiter, strict=True, skipinitialspace=dialect.blanks)
            fields = next(reader)
        except csv.Error:
            return None
        return fields if len(fields) == self._width else None

    def _quoted(self, line: str, number: int) -> Row:
        scan, taken, chars = _Scan(self._dialect).feed(line), [line], len(line)
        while scan.is_open and not scan.broken and chars <= MAX_RECORD_CHARS:
            more = self._next_line()
            if more is None:
                break
            taken.append(more)
            chars += len(more) + 1
            scan.feed(more)
        several = len(taken) > 1 and any(map(self._looks_like_row, taken[1:]))
        wrong = self._width is not None and len(scan.fields) != self._width
        if scan.is_open or scan.broken or scan.stray or wrong:
            repaired = self._repaired(taken, number)
            if repaired is not None:
                return repaired
        if scan.is_open or scan.broken or (several and wrong):
            self._put_back.extendleft(reversed(taken[1:]))
            fields = _Scan(self._dialect, quotes_must_close=True).feed(taken[0]).fields
            return Row(fields, number, stray=True)
        return Row(scan.fields, number, scan.stray, several)

    def _repaired(self, taken: list[str], number: int) -> Row | None:
        """The row as another dialect reads it, if it then has the right width. Lines that it does not need stay."""
        first = taken[0]
        for dialect in self._dialect.repairs:
            if not any('\\"' in line for line in taken) if dialect.escapes else ' "' not in first:
                continue
            scan, lines, used = _Scan(dialect), list(taken), 0
            while not scan.broken and (used == 0 or scan.is_open):
                if used == len(lines):
                    more = self._next_line() if used < len(taken) + _MORE_LINES else None
                    if more is None:
                        break
                    lines.append(more)
                scan.feed(lines[used])
                used += 1
            sound = not (scan.is_open or scan.broken or scan.stray) and len(scan.fields) == self._width
            self._put_back.extendleft(reversed(lines[used if sound else len(taken) :]))
            if sound:
                return Row(scan.fields, number)
        return None

    def _looks_like_row(self, line: str) -> bool:
        if self._width is None or line.count(self._dialect.delimiter) < self._width - 1:
            return False
        fields = _Scan(self._dialect).feed(line).fields
        return len(fields) == self._width and re.fullmatch(r"\S+", fields[self._key]) is not None


@dataclass
class _Scan:
    """Parser state for one row, which is fed line by line.

    Attributes:
        quotes_must_close: treat an opening quote as text if the same line has no closing quote.
        stray: text follows a closing quote, and the field began on the same line. The field was read as plain text.
        broken: text follows a closing quote, and the field began on an earlier line: its opening quote was stray.
    """

    dialect: Dialect
    quotes_must_close: bool = False
    fields: list[str] = field(default_factory=list)
    stray: bool = False
    broken: bool = False
    _open: list[str] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return bool(self._open)

    def feed(self, line: str) -> "_Scan":
        dialect = self.dialect
        ending = "\r" if dialect.crlf and line.endswith("\r") else ""
        line = line.removesuffix(ending)
        to_quote = _TO_UNESCAPED_QUOTE if dialect.escapes else _TO_CLOSING_QUOTE
        place = 0
        while place <= len(line):
            quote = self._quote_at(line, place)
            if not self._open and quote < 0:
                place = self._take_to_delimiter(line, place, place)
                continue
            begin = place if self._open else quote + 1
            closing = to_quote.match(line, begin)
            if closing is None and self.quotes_must_close:
                place = self._take_to_delimiter(line, place, place)
            elif closing is None:
                self._open.append(line[begin:] + ending)
                break
            elif end := dialect.field_end.match(line, closing.end()):
                self._close(line[begin : closing.end() - 1])
                place = end.end() if end[0] == dialect.delimiter else len(line) + 1
            elif self._open:
                self.broken = True
                break
            else:
                self.stray = True
                place = self._take_to_delimiter(line, place, closing.end())
        return self

    def _quote_at(self, line: str, place: int) -> int:
        """Where the field at `place` opens its quote; -1 if it is not quoted."""
        if self.dialect.blanks:
            while line.startswith(" ", place):
                place += 1
        return place if line.startswith('"', place) else -1

    def _close(self, last: str) -> None:
        text = "\n".join([*self._open, last])
        self._open.clear()
        text = text.replace('""', '"')
        self.fields.append(_ESCAPED.sub(r"\1", text) if self.dialect.escapes else text)

    def _take_to_delimiter(self, line: str, begin: int, search_from: int) -> int:
        end = line.find(self.dialect.delimiter, search_from)
        end = len(line) if end < 0 else end
        self.fields.append(line[begin:end])
        return end + 1
