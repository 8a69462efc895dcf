"""Which photo file a row means, by the name that it gives: an id, a file name, a path or a URL.

A name is compared with the names of existing files. It is never used to build a path. Names are compared in NFC. The
file whose name and folders agree best is taken: the exact name first, then without regard to case, ending or folders;
of several equal ones, the one in `photos/`, nearest to the top, with the usual ending, first in the alphabet.
"""

import os
import re
import sqlite3
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from training.prepare.intake.fields.words import quoted
from training.prepare.intake.photo_files import FOREIGN_ENDINGS, PHOTO_ENDINGS, ending

_TABLES = """
CREATE TABLE photo_files (
    number INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, key TEXT NOT NULL, second_key TEXT NOT NULL,
    rank INTEGER NOT NULL, named INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX photo_files_by_key ON photo_files (key);
CREATE INDEX photo_files_by_second_key ON photo_files (second_key);
CREATE TABLE photo_uses (
    image TEXT PRIMARY KEY, name TEXT NOT NULL, path TEXT NOT NULL, exact INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX photo_uses_by_path ON photo_uses (path);
"""
# Images whose file is not named exactly, and is used by an image with another name too.
_CONTESTED = """
SELECT images.number, images.id, source, record, line, path, other.name
FROM photo_uses AS uses JOIN images ON images.id = uses.image AND images.photo = uses.path
JOIN (SELECT name, path FROM photo_uses JOIN images ON images.id = image AND photo = path) AS other USING (path)
WHERE NOT exact AND other.name != uses.name GROUP BY images.number ORDER BY images.number
"""
_ENDINGS = (*PHOTO_ENDINGS, *FOREIGN_ENDINGS)
_PLACES = ("photos", "images")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True)
class Contested:
    """An image whose photo file belongs to another name as well; see `PhotoNames.contested`."""

    number: int
    id: str
    source: str
    record: int | None
    line: int | None
    detail: str


class PhotoNames:
    """The photo files of a data folder by name, in SQLite tables, so memory does not grow with their number."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Create the tables in `db`, which also holds the table `images`."""
        self.db = db
        self.db.executescript(_TABLES)
        self.doubtful = 0
        self.first_doubt = ""

    def add(self, path: str, rank: int | None = None) -> None:
        """Record a photo file at `path` (relative to the data folder). Of equal names, the lowest rank is used."""
        name = _normal(path).rsplit("/", 1)[-1]
        # A file such as "a.jpg_large" is found as "a" too, and "b.c" without an ending as "b.c" too.
        second = name if ending(name) in _ENDINGS else os.path.splitext(name)[0]  # noqa: PTH122
        row = (path, _key(name), _key(second), _rank(path) if rank is None else rank)
        self.db.execute("INSERT INTO photo_files (path, key, second_key, rank) VALUES (?, ?, ?, ?)", row)

    def find(self, name: str, image: str) -> str | None:
        """The path of the photo file that `name` means; None if there is none. Marks the file as named by a row.

        Args:
            name: an image id, file name, path or URL.
            image: the id of the image that has this name.
        """
        given = _path_of(name)
        found = []
        for number, path, rank in self._candidates(given):
            found.append((_distance(given, _normal(path)), rank, path, number))
        if not found:
            return None
        found.sort()
        best = found[0]
        if len(found) > 1 and found[1][0] == best[0]:
            self.doubtful += 1
            self.first_doubt = self.first_doubt or f"{quoted(name)} is {best[2]}, not {found[1][2]}"
        self.db.execute("UPDATE photo_files SET named = 1 WHERE number = ?", (best[3],))
        use = (image, given, best[2], best[0] in ((0, 0), (1, 0)))
        self.db.execute("INSERT OR IGNORE INTO photo_uses VALUES (?, ?, ?, ?)", use)
        return str(best[2])

    def contested(self) -> list[Contested]:
        """Images whose file is named only by a similar name, and also by another name: it may be the other's photo.

        Call it after all rows are read. "A1" and "a1" are two images; one file "a1.jpg" is the photo of the second.
        """
        return [
            Contested(
                number, image, source, record, line, f"the only similar file, {path}, may belong to {quoted(other)}"
            )
            for number, image, source, record, line, path, other in self.db.execute(_CONTESTED)
        ]

    def unnamed(self, limit: int, like: str = "") -> list[str]:
        """Up to `limit` paths of photo files that no row names; those whose path contains `like` come first."""
        sql = "SELECT path FROM photo_files WHERE named = 0 ORDER BY instr(path, ?) = 0, rank, path LIMIT ?"
        return [path for (path,) in self.db.execute(sql, (like, limit))]

    def _candidates(self, given: str) -> list[tuple[int, str, int]]:
        key = _key(given.rsplit("/", 1)[-1])
        if not key:
            return []
        sql = "SELECT number, path, rank FROM photo_files WHERE key = ?1 OR second_key = ?1"
        return self.db.execute(sql, (key,)).fetchall()


def _path_of(name: str) -> str:
    """The path in a name: of a URL without host, query and escapes; with forward slashes; in NFC."""
    if _URL.match(name):
        try:
            name = unquote(urlsplit(name).path)
        except ValueError:  # an invalid host, such as "https://[a"
            name = name.partition("?")[0]
    return _normal(name.replace("\\", "/"))


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _key(name: str) -> str:
    """The name as files are looked up: without photo endings and regard to case."""
    return unicodedata.normalize("NFC", _bare(name).casefold())


def _bare(name: str) -> str:
    while ending(name) in _ENDINGS:
        name = name[: -len(ending(name))]
    return name


def _distance(given: str, path: str) -> tuple[int, int]:
    """How far a name is from a file's path: of the file names (0 to 3), and the number of folders that differ."""
    *folders, name = [part for part in given.split("/") if part not in ("", ".")] or [""]
    *places, file = path.split("/")
    same = 0
    while same < min(len(folders), len(places)) and folders[-1 - same] == places[-1 - same]:
        same += 1
    if name == file:
        distance = 0
    elif name in (_bare(file), os.path.splitext(file)[0]):  # noqa: PTH122  "a" and "a.jpg"
        distance = 1
    else:
        distance = 2 if _bare(name) == _bare(file) else 3
    return distance, len(folders) - same


def _rank(path: str) -> int:
    """Preference among files of one name: `photos/`, `images/`, other folders, the top; then depth, then the ending."""
    first, *rest = path.split("/")
    place = len(_PLACES) + 1 if not rest else len(_PLACES)
    if rest and first.lower() in _PLACES:
        place = _PLACES.index(first.lower())
    suffix = ending(path)
    order = _ENDINGS.index(suffix) if suffix in _ENDINGS else len(_ENDINGS)
    return (place * 100 + min(len(rest), 99)) * 100 + order
