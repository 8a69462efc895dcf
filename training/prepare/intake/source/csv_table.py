"""Tables of text: CSV, TSV and the like. Delimiter and header are found from the first lines."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from training.errors import DataError
from training.prepare.intake.source.csv_rows import MAX_RECORD_CHARS, Dialect, Row, rows
from training.prepare.intake.source.guess import body_of, example, likely_header
from training.prepare.intake.source.record import Record, Skipped, digest_of
from training.prepare.intake.source.text_lines import TextLines

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
# The header is one of the first rows: titles, dates and comments may stand above it.
HEAD_ROWS = 30
_HEAD_LINES = 200
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?', re.IGNORECASE)

# How many fields of a listing a row names: the row that names most of them is the header.
Score = Callable[[Sequence[str]], int]


class CsvTable:
    """A delimited text file: see `training.prepare.intake.source.record.Table`."""

    def __init__(self, path: Path, score: Score, encoding: str | None = None) -> None:
        """Find out the form of `path`.

        Args:
            score: tells the header from other rows.
            encoding: of a file without a byte order mark; None: found out.

        Raises:
            DataError: the file is empty, no row names a known column, or a line is longer than MAX_RECORD_CHARS.
        """
        self.path = path
        self.skipped = Skipped()
        self.warnings: list[str] = []
        self._lines = TextLines(path, MAX_RECORD_CHARS, encoding)
        head = list(islice(self._lines, _HEAD_LINES))
        delimiters, self._first = _given_delimiter(head) or (tuple(DELIMITERS), 0)
        head = head[self._first :]
        if not any(line.strip() for line in head):
            raise DataError(f"{path.name} is empty; its first line must name the columns")
        self._dialect, self._header = _find_header(path, head, delimiters, score)
        self.columns = [name.strip().lstrip("\ufeff") for name in self._header.fields]

    @property
    def encoding(self) -> str:
        """Encoding of the lines, such as "utf-8", "cp1252" or "utf-8 and cp1252"; complete after a pass."""
        return self._lines.encoding

    @property
    def form(self) -> str:
        """Delimiter, line ends and place of the header, in words."""
        delimiter = self._dialect.delimiter
        ends = ", lines end with CR" if self._lines.ends_with_cr else ""
        line = self._header.line + self._first
        return f"{DELIMITERS.get(delimiter, repr(delimiter))} between fields{ends}, header in line {line}"

    def records(self, needed: Collection[int] = (), key: int = 0) -> Iterator[Record]:
        """One pass over the records: see `training.prepare.intake.source.record.Table`.

        Raises:
            DataError: a line is longer than MAX_RECORD_CHARS.
        """
        self.skipped, self.warnings = Skipped(), []
        width, lower = len(self.columns), [name.strip().lower() for name in self._header.fields]
        named = [place for place, name in enumerate(self.columns) if _is_named(name)]
        reach = max(needed, default=-1)
        stray: list[int] = []
        doubtful: list[int] = []
        broken = _BrokenLines(width, reach, key)
        lines = islice(iter(self._lines), self._first + self._header.line - 1, None)
        above = self._first + self._header.line - 1
        body = rows(lines, self._dialect, width, key)
        next(body)  # the header
        number = 0
        for row in body:
            fields = row.fields
            if not any(fields) or not any(map(str.strip, fields)):
                self.skipped.blank += 1
                continue
            number += 1
            if fields[-1].strip().lower() == lower[-1] and [name.strip().lower() for name in fields] == lower:
                self.skipped.headers += 1
                continue
            problem = None
            if len(fields) != width:
                problem = _length_problem(fields, width) or broken.problem(fields)
                fields = (fields + [""] * (width - len(fields)))[:width]
            else:
                broken.before = 0
            if row.stray:
                _note(stray, number)
            if row.doubtful:
                _note(doubtful, number)
            yield Record(
                number, above + row.line, fields, digest_of([fields[place] for place in named]), *(problem or ())
            )
        self.warnings += self._lines.warnings
        self._warn(stray, "a quote that breaks the rules of CSV and was read as text")
        self._warn(doubtful, "a quoted field whose lines look like records; is a quote missing?")

    def _warn(self, numbers: list[int], what: str) -> None:
        if numbers:
            first, count = numbers
            self.warnings.append(f"{self.path.name}: {count} records (first: {first}) have {what}")


class _BrokenLines:
    """Finds records that a line break without quotes has torn: a short one, and the next one with the other cells."""

    def __init__(self, width: int, reach: int, key: int) -> None:
        self.before = 0  # number of cells of the short record before; 0: there is none
        self._width = width
        self._reach = reach
        self._key = key
        self._before_reached = True

    def problem(self, fields: list[str]) -> tuple[str, str] | None:
        """The problem of a record that is shorter than the header; None if only its last cells are missing."""
        count, before, before_reached = len(fields), self.before, self._before_reached
        reached = count > self._reach
        self.before, self._before_reached = count, reached
        detail = f"the record has {count} fields; the header has {self._width}"
        if not reached:
            return "too_few_fields", detail
        rest = before and before + count == self._width + 1
        if rest and (not before_reached or re.search(r"\s", fields[self._key].strip())):
            return "too_few_fields", f"{detail}; it looks like the rest of the line before"
        return None


def _length_problem(fields: list[str], width: int) -> tuple[str, str] | None:
    """The problem of a record with more cells than the header; None if the others are empty, or it is shorter."""
    if len(fields) <= width or not any(map(str.strip, fields[width:])):
        return None
    return "too_many_fields", f"the record has {len(fields)} fields; the header has {width}. Is a quote missing?"


def _note(numbers: list[int], number: int) -> None:
    """Keep the first number and how many there are."""
    numbers[:] = [numbers[0], numbers[1] + 1] if numbers else [number, 1]


def _is_named(column: str) -> bool:
    return bool(column) and not column.lower().startswith("unnamed")


def _given_delimiter(head: list[str]) -> tuple[tuple[str, ...], int] | None:
    """The delimiter that Excel's line `sep=;` gives, and the number of lines up to it."""
    for number, line in enumerate(head):
        if line.strip():
            given = _SEPARATOR_LINE.fullmatch(line)
            return ((given[1],), number + 1) if given else None
    return None


def _find_header(path: Path, head: list[str], delimiters: tuple[str, ...], score: Score) -> tuple[Dialect, Row]:
    """The dialect and the header row: of all delimiters, the row that names most fields.

    Raises:
        DataError: no row names a field.
    """
    best, found = 0, None
    for delimiter in delimiters:
        for row in islice(rows(head, Dialect(delimiter)), HEAD_ROWS):
            # Each pass over the head is short, so the header's own line end is looked at here.
            crlf = head[row.line - 1].endswith("\r")
            fields = [*row.fields[:-1], row.fields[-1].removesuffix("\r")] if crlf else row.fields
            named = score(fields)
            if named > best:
                best, found = named, (Dialect(delimiter, crlf), Row(fields, row.line))
    if found is None:
        raise DataError(_without_header(path, head, delimiters))
    dialect, header = found
    if f'"{dialect.delimiter} "' not in head[header.line - 1]:
        return found
    # Some people put blanks after delimiters, also before quotes.
    dialect = replace(dialect, blanks=True)
    return dialect, next(rows(head[header.line - 1 :], dialect))._replace(line=header.line)


def _without_header(path: Path, head: list[str], delimiters: tuple[str, ...]) -> str:
    """What a person is told if no row names a known field: the likely header, and an example of `--columns`."""
    tables = [
        [(row.line, row.fields) for row in islice(rows(head, Dialect(delimiter)), HEAD_ROWS)]
        for delimiter in delimiters
    ]
    (line, fields), *body = body_of(tables[likely_header(tables)])
    headers = [name.strip().lstrip("\ufeff") for name in fields]
    shown = repr(headers)
    given = example(headers, [cells for _, cells in body])
    return (
        f"{path.name}: none of its first lines names a column of listings, such as id or category; line {line} looks "
        f"most like the header: it holds {shown[:160]}{'...' if len(shown) > 160 else ''}. Say which columns to read, "
        f"such as {given or '--columns id=...,category=...,image=...'}; if the text is wrong, give --encoding"
    )
