"""Catalogs that a compromised training job could drop. Each is a change of a sound file."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

Raw = dict[str, Any]
# The sound table without what protects it: a type is not checked, an id may repeat.
LOOSEN = """
ALTER TABLE items RENAME TO old;
DROP INDEX items_image_id;
DROP INDEX items_product_id;
CREATE TABLE items (row INTEGER PRIMARY KEY, image_id, product_id, category, title, price, location, photo,
    description);
INSERT INTO items SELECT * FROM old;
DROP TABLE old;
CREATE UNIQUE INDEX items_image_id ON items (image_id);
CREATE INDEX items_product_id ON items (product_id);
"""


def statements(*script: str, loose: bool = False) -> Callable[[Path, Raw], None]:
    """A catalog changed by SQL; `loose`: its table first becomes one that takes any value."""

    def craft(path: Path, raw: Raw) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            if loose:
                connection.executescript(LOOSEN)
            for statement in script:
                connection.execute(statement)

    return craft


def photo(key: str) -> Callable[[Path, Raw], None]:
    """Row 3 names this photo."""
    return statements(f"UPDATE items SET photo = '{key}' WHERE row = 3")  # noqa: S608 (the test's own key)


def as_view(source: str) -> Callable[[Path, Raw], None]:
    """The table `items` is a view."""
    return statements(
        "ALTER TABLE items RENAME TO hidden",
        f"CREATE VIEW items AS {source}",
    )


ENDLESS = (
    "WITH RECURSIVE endless(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM endless) SELECT hidden.* FROM hidden, endless"
)


def columns(change: Callable[[list[str], np.ndarray, np.ndarray], tuple[Any, Any, Any]]) -> Callable[[Path, Raw], None]:
    """Changed filter columns."""

    def craft(path: Path, raw: Raw) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            names, categories, prices = connection.execute("SELECT names, categories, prices FROM columns").fetchone()
            found = change(
                json.loads(names), np.frombuffer(categories, "<u2").copy(), np.frombuffer(prices, "<f8").copy()
            )
            stored = [json.dumps(found[0]).encode(), found[1].tobytes(), found[2].tobytes()]
            connection.execute("UPDATE columns SET names = ?, categories = ?, prices = ?", stored)

    return craft


def damaged_pages(path: Path, raw: Raw) -> None:
    """Noise in the middle of the file."""
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = np.random.default_rng(0).bytes(4096)
    path.write_bytes(bytes(data))


def wrong_index(path: Path, raw: Raw) -> None:
    """The index of image ids leads to other rows than the table holds."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (sql,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'items_image_id'").fetchone()
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'items_image_id'")
        connection.execute("PRAGMA writable_schema = RESET")
        connection.execute("UPDATE items SET image_id = image_id || 'x' WHERE row = 5")
        connection.execute("CREATE UNIQUE INDEX items_image_id ON items (image_id)")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'items_image_id'", [sql])
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'items_image_id'").fetchone()
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'items_image_id'")
        connection.execute("PRAGMA writable_schema = RESET")
        connection.execute("UPDATE items SET image_id = rtrim(image_id, 'x') WHERE row = 5")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "INSERT INTO sqlite_schema VALUES ('index', 'items_image_id', 'items', ?, ?)",
            [page, sql],
        )
