"""Product feeds in XML: RSS 2.0 and Atom, as Google Merchant Center and Meta take them.

The file is parsed in blocks, and an item is forgotten when the next one begins. So memory does not grow with the feed.
Entities that a document type declares are refused, because a few of them expand to gigabytes.
"""

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from training.errors import DataError
from training.prepare.intake.source.record import Record, Skipped, digest_of

MAX_ITEM_CHARS = 16 * 2**20
_BLOCK = 2**16
_ITEMS = frozenset({"item", "entry"})
_GOOGLE = "{http://base.google.com/ns/1.0}"
# The first items decide which columns there are; this one may also come later, because most products lack it.
_SAMPLE = 1_000
_FIRST_PHOTO, _OTHER_PHOTOS = "image_link", "additional_image_link"
# Between the values of an element that an item repeats.
SEPARATOR = "\n"


class XmlFeed:
    """An XML feed: see `training.prepare.intake.source.record.Table`. The elements of an item are its columns."""

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        """Find out the columns of `path`.

        Args:
            encoding: instead of the one that the file declares.

        Raises:
            DataError: the file is not well-formed, has no items, or one of them is larger than MAX_ITEM_CHARS.
        """
        self.path = path
        self.skipped = Skipped()
        self.warnings: list[str] = []
        self._encoding = encoding
        names: dict[str, None] = {}
        for _, values in islice(self._items(), _SAMPLE):
            names.update(dict.fromkeys(values))
        if not names:
            raise DataError(f"{path.name} is no feed of listings: it has no <item> or <entry> with content")
        self.columns = list(names | (dict.fromkeys([_OTHER_PHOTOS]) if _FIRST_PHOTO in names else {}))

    @property
    def encoding(self) -> str:
        """The encoding that was asked for, or "as declared"."""
        return self._encoding or "as declared"

    @property
    def form(self) -> str:
        return "XML feed"

    def records(self, needed: Collection[int] = (), key: int = 0) -> Iterator[Record]:  # noqa: ARG002  items are whole
        """One pass over the items: see `training.prepare.intake.source.record.Table`.

        Raises:
            DataError: see `__init__`.
        """
        for number, (line, values) in enumerate(self._items(), start=1):
            cells = [values.get(name, "") for name in self.columns]
            yield Record(number, line, cells, digest_of(cells))

    def _items(self) -> Iterator[tuple[int, dict[str, str]]]:
        """The items with the lines on which they begin: text by name, without namespace."""
        target = _Items(self.path.name)
        try:
            parser = DefusedXMLParser(target=target, encoding=self._encoding, forbid_dtd=False)
            target.expat = parser.parser
            with self.path.open("rb") as file:
                while block := file.read(_BLOCK):
                    parser.feed(block)
                    yield from target.take()
            parser.close()
        except (ParseError, DefusedXmlException, ValueError, LookupError) as exc:
            raise DataError(f"{self.path.name} cannot be read as XML: {exc}") from exc
        yield from target.take()


class _Items:
    """What the parser calls: collects the direct children of each item."""

    def __init__(self, name: str) -> None:
        self.expat: Any = None
        self._name = name
        self._done: list[tuple[int, dict[str, str]]] = []
        self._depth = 0  # below the item
        self._line = 0
        self._values: dict[str, list[str]] = {}
        self._google: set[str] = set()
        self._text: list[str] = []
        self._chars = 0

    def take(self) -> list[tuple[int, dict[str, str]]]:
        """The items that are complete."""
        done, self._done = self._done, []
        return done

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        local = tag.rpartition("}")[2]
        if self._depth:
            self._depth += 1
            self._text = [] if self._depth == 2 else self._text
        elif local in _ITEMS:
            self._depth, self._line = 1, self.expat.CurrentLineNumber
            self._values, self._google, self._chars = {}, set(), 0
        if self._depth == 2 and local == "link" and "href" in attributes:
            self._text.append(attributes["href"])

    def data(self, text: str) -> None:
        if not self._depth:
            return
        self._chars += len(text)
        if self._chars > MAX_ITEM_CHARS:
            raise DataError(f"{self._name}: the item in line {self._line} has more than {MAX_ITEM_CHARS:,} characters")
        if self._depth == 2:
            self._text.append(text)

    def end(self, tag: str) -> None:
        if not self._depth:
            return
        if self._depth == 2:
            self._add(tag, "".join(self._text).strip())
        self._depth -= 1
        if not self._depth:
            values = {name: SEPARATOR.join(texts) for name, texts in self._values.items()}
            self._done.append((self._line, values))

    def close(self) -> None:
        """Called at the end of the file."""

    def _add(self, tag: str, text: str) -> None:
        """Keep the text of a child. Google's own elements go before those of RSS and Atom with the same name."""
        local = tag.rpartition("}")[2]
        google = tag.startswith(_GOOGLE)
        if not text or (local in self._google and not google):
            return
        if google and local not in self._google:
            self._google.add(local)
            self._values[local] = []
        self._values.setdefault(local, []).append(text)
