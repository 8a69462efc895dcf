"""Write the tables of a dataset from the working tables: the items and the rejected rows."""

import csv
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from training.dataset import ITEMS_TABLE
from training.prepare.intake.tables import Intake

_ITEMS = """
SELECT cached.row, images.id, products.id, products.category, title, price, location, split, photo, content
FROM cached JOIN images ON images.number = image JOIN products ON products.number = product ORDER BY cached.row
"""
_REJECTED = "SELECT source, record, line, id, reason, detail FROM rejected ORDER BY kind DESC, source, record"


def write_items(path: Path, intake: Intake, categories: Sequence[str], settings: dict[str, Any]) -> str:
    """Write the items table. Row i of the table belongs to row i of the photo cache.

    Returns:
        The dataset's digest: hex SHA-256 of the settings, the categories, and every item with the digest of its photo.
    """
    digest = hashlib.sha256(json.dumps([settings, list(categories)], sort_keys=True).encode())
    index = {category: number for number, category in enumerate(categories)}

    def rows() -> Iterator[tuple[Any, ...]]:
        for row, image_id, product_id, category, *others, content in intake.db.execute(_ITEMS):
            item = (row, image_id, product_id, index[category], *others)
            digest.update(json.dumps([*item, content.hex()]).encode() + b"\n")
            yield item

    with closing(sqlite3.connect(path)) as db, db:
        db.execute(ITEMS_TABLE)
        db.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows())
    return digest.hexdigest()


def write_rejected(path: Path, intake: Intake) -> None:
    """Write all rejected rows as CSV, products first. All text is quoted, because an id may contain any character."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow(("source", "row", "line", "id", "reason", "detail"))
        writer.writerows(intake.db.execute(_REJECTED))
