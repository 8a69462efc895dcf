"""Read CSV exports of marketplaces record by record, in any encoding and with any text in the fields.

Python's csv module ends a record at a bare CR, and after one stray quote it reads the rest of the file as one field.
Here a record ends with LF, or with CRLF if the header does. An opening quote without a closing one is plain text.
"""

import hashlib
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from training.errors import DataError
from training.prepare.intake.text_lines import TextLines

MAX_RECORD_CHARS = 16 * 2**20
# The rest of a quoted field and its closing quote. Possessive quantifiers: no backtracking in fields of megabytes.
_TO_CLOSING_QUOTE = re.compile(r'[^"]*+(?:""[^"]*+)*+"')
_FIELD_END = re.compile(r",|\r?\Z")


@dataclass(frozen=True)
class Record:
    """One record of a CSV file.

    Attributes:
        number: number of the record in the file; the first after the header is 1.
        values: text by column name (lower case). Columns that a short record lacks are "".
        digest: 16-byte hash of all fields except those in columns without a name (an export's row numbers).
    """

    number: int
    values: dict[str, str]
    digest: bytes


class CsvFile:
    """A CSV file for one pass over its records.

    The columns may be in any order, and their names in any case. `encoding` and `warnings` are complete after the pass.
    """

    def __init__(self, path: Path, required: tuple[str, ...]) -> None:
        """Open `path`. `required`: the columns (lower case) that must exist; the first one is the id column."""
        self.path = path
        self.required = required
        self.warnings: list[str] = []
        self._lines = TextLines(path, MAX_RECORD_CHARS)

    @property
    def encoding(self) -> str:
        """Encoding of the lines, such as "utf-8", "cp1252" or "utf-8 and cp1252"."""
        return self._lines.encoding

    def __iter__(self) -> Iterator[Record]:
        """Yield the records; blank lines are skipped.

        Raises:
            DataError: the file is empty, a required column is missing, or a line is longer than MAX_RECORD_CHARS.
        """
        lines = iter(self._lines)
        header = next((line for line in lines if line.strip()), None)
        if header is None:
            raise DataError(f"{self.path.name} is empty; its first line must name the columns {list(self.required)}")
        crlf = header.endswith("\r")
        columns = [name.strip().lower() for name in _Scan(crlf).feed(header).fields]
        missing = [name for name in self.required if name not in columns]
        if missing:
            raise DataError(f"{self.path.name} lacks the column {', '.join(missing)}; its header names {columns}")
        stray, doubtful = [], []
        for number, row in enumerate(_rows(lines, len(columns), columns.index(self.required[0]), crlf), start=1):
            if row.stray:
                stray.append(number)
            if row.doubtful:
                doubtful.append(number)
            yield _record(number, columns, row.fields)
        self._warn(stray, "a quote that breaks the rules of CSV and was read as text")
        self._warn(doubtful, "a quoted field whose lines look like records; is a quote missing?")
        if " and " in self.encoding:
            self.warnings.append(f"{self.path.name}: written in more than one encoding ({self.encoding})")

    def _warn(self, numbers: list[int], what: str) -> None:
        if numbers:
            self.warnings.append(f"{self.path.name}: {len(numbers)} records (first: {numbers[0]}) have {what}")


def _record(number: int, columns: list[str], fields: list[str]) -> Record:
    fields = fields + [""] * (len(columns) - len(fields))
    values: dict[str, str] = {}
    digest = hashlib.blake2b(digest_size=16)
    for place, text in enumerate(fields):
        name = columns[place] if place < len(columns) else "beyond the header"
        values.setdefault(name, text)
        if name and not name.startswith("unnamed"):
            encoded = text.encode()
            digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return Record(number, values, digest.digest())


@dataclass
class _Row:
    fields: list[str]
    stray: bool
    doubtful: bool


def _rows(lines: Iterator[str], width: int, key_place: int, crlf: bool) -> Iterator[_Row]:
    """Join lines into rows. If a stray quote joined too many lines, they are put back and read again one by one."""

    def looks_like_row(line: str) -> bool:
        fields = _Scan(crlf).feed(line).fields
        return len(fields) == width and re.fullmatch(r"\S+", fields[key_place]) is not None

    put_back: deque[str] = deque()
    while True:
        line = put_back.popleft() if put_back else next(lines, None)
        if line is None:
            return
        if not line.strip():
            continue
        scan, taken, chars = _Scan(crlf).feed(line), [line], len(line)
        while scan.is_open and not scan.broken and chars <= MAX_RECORD_CHARS:
            line = put_back.popleft() if put_back else next(lines, None)
            if line is None:
                break
            taken.append(line)
            chars += len(line) + 1
            scan.feed(line)
        several = len(taken) > 1 and any(map(looks_like_row, taken[1:]))
        if scan.is_open or scan.broken or (several and len(scan.fields) != width):
            put_back.extendleft(reversed(taken[1:]))
            yield _Row(_Scan(crlf, quotes_must_close=True).feed(taken[0]).fields, stray=True, doubtful=False)
        else:
            yield _Row(scan.fields, scan.stray, doubtful=several)


@dataclass
class _Scan:
    """Parser state for one row, which is fed line by line.

    Attributes:
        quotes_must_close: treat an opening quote as text if the same line has no closing quote.
        stray: text follows a closing quote, and the field began on the same line. The field was read as plain text.
        broken: text follows a closing quote, and the field began on an earlier line: its opening quote was stray.
    """

    crlf: bool
    quotes_must_close: bool = False
    fields: list[str] = field(default_factory=list)
    stray: bool = False
    broken: bool = False
    _open: list[str] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return bool(self._open)

    def feed(self, line: str) -> "_Scan":
        ending = "\r" if self.crlf and line.endswith("\r") else ""
        line = line.removesuffix(ending)
        place = 0
        while place <= len(line):
            if not self._open and not line.startswith('"', place):
                place = self._take_to_comma(line, place, place)
                continue
            begin = place if self._open else place + 1
            closing = _TO_CLOSING_QUOTE.match(line, begin)
            if closing is None and self.quotes_must_close:
                place = self._take_to_comma(line, place, place)
            elif closing is None:
                self._open.append(line[begin:] + ending)
                break
            elif end := _FIELD_END.match(line, closing.end()):
                text = "\n".join([*self._open, line[begin : closing.end() - 1]])
                self._open.clear()
                self.fields.append(text.replace('""', '"'))
                place = end.end() if end[0] == "," else len(line) + 1
            elif self._open:
                self.broken = True
                break
            else:
                self.stray = True
                place = self._take_to_comma(line, place, closing.end())
        return self

    def _take_to_comma(self, line: str, begin: int, search_from: int) -> int:
        end = line.find(",", search_from)
        end = len(line) if end < 0 else end
        self.fields.append(line[begin:end])
        return end + 1
