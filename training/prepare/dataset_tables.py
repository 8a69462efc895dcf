"""Write the tables of a dataset from the working tables: the items and the rejected rows."""

import csv
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from training.dataset import DESCRIPTIONS_TABLE, ITEMS_TABLE
from training.prepare.intake.tables import Intake

_ITEMS = """
SELECT cached.row, images.id, products.id, products.category, title, price, location, split, photo, content
FROM cached JOIN images ON images.number = image JOIN products ON products.number = product ORDER BY cached.row
"""
_DESCRIPTIONS = """
SELECT id, description FROM products WHERE description IS NOT NULL
AND number IN (SELECT product FROM cached JOIN images ON images.number = image) ORDER BY id
"""
_TOP = PurePosixPath()
_REJECTED = "SELECT source, record, line, id, reason, detail FROM rejected ORDER BY kind DESC, source, record"


@dataclass(frozen=True)
class Digests:
    """Hex SHA-256 digests of a dataset: of all that it holds, and of the part that the network is trained on.

    The second does not depend on titles, prices, locations, descriptions and the currency, so a change of these trains
    nothing again.
    """

    whole: str
    trained: str


def write_items(
    path: Path,
    intake: Intake,
    categories: Sequence[str],
    settings: dict[str, Any],
    place: PurePosixPath = _TOP,
) -> Digests:
    """Write the tables of items and descriptions. Row i of the table belongs to row i of the photo cache.

    Args:
        place: the folder of the data in the data folder; paths of photos are relative to the latter.

    Returns:
        The digests of the settings, the categories, every item with the digest of its photo, and the descriptions.
    """
    trained_on = {name: value for name, value in settings.items() if name != "currency"}
    whole = hashlib.sha256(json.dumps([settings, list(categories)], sort_keys=True).encode())
    trained = hashlib.sha256(json.dumps([trained_on, list(categories)], sort_keys=True).encode())
    index = {category: number for number, category in enumerate(categories)}

    def rows() -> Iterator[tuple[Any, ...]]:
        for row, image_id, product_id, category, *texts, split, photo, content in intake.db.execute(_ITEMS):
            item = (row, image_id, product_id, index[category], *texts, split, str(place / photo))
            whole.update(json.dumps([*item, content.hex()]).encode() + b"\n")
            learnt = (row, image_id, product_id, index[category], split, content.hex())
            trained.update(json.dumps(learnt).encode() + b"\n")
            yield item

    def descriptions() -> Iterator[tuple[str, str]]:
        for described in intake.db.execute(_DESCRIPTIONS):
            whole.update(json.dumps(described).encode() + b"\n")
            yield described

    with closing(sqlite3.connect(path)) as db, db:
        db.execute(ITEMS_TABLE)
        db.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows())
        db.execute(DESCRIPTIONS_TABLE)
        db.executemany("INSERT INTO descriptions VALUES (?, ?)", descriptions())
    return Digests(whole.hexdigest(), trained.hexdigest())


def write_rejected(path: Path, intake: Intake) -> None:
    """Write all rejected rows as CSV, products first. All text is quoted, because an id may contain any character."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow(("source", "row", "line", "id", "reason", "detail"))
        writer.writerows(intake.db.execute(_REJECTED))
