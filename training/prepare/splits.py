"""Train, validation and test: by product, stratified by category, seeded, and stable as listings come and go.

A product's place in the draw is a hash of the seed and its id, so that the order of rows does not matter and one more
product moves few others. Products that share a photo byte for byte are drawn together: on two sides they would leak.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from training.prepare.intake.tables import Intake

_POOL = """
CREATE TEMP TABLE pool (product INTEGER PRIMARY KEY, head INTEGER NOT NULL, category TEXT NOT NULL, draw BLOB NOT NULL);
INSERT INTO pool
    SELECT number, coalesce((SELECT head FROM sharing WHERE sharing.product = number), number), category, draw(id)
    FROM products WHERE split IS NULL AND number IN (SELECT product FROM images JOIN cached ON image = number);
UPDATE pool SET category = (SELECT category FROM products WHERE number = head)
    WHERE head != product;
CREATE INDEX pool_by_head ON pool (head);
"""
_LEAKS = """
SELECT count(*) FROM (
    SELECT content FROM cached JOIN images ON images.number = image JOIN products ON products.number = product
    GROUP BY content HAVING count(DISTINCT split) > 1
)
"""


@dataclass(frozen=True)
class Quota:
    """How many products of a category go to test and to validation; the others train."""

    test: int
    validation: int


def assign(intake: Intake, *, seed: int, test_share: float, validation_share: float) -> int:
    """Set the split of every product that has a cached photo.

    A split that the data prescribe stays as it is, and its share is then not drawn.

    Args:
        test_share: of all products drawn from.
        validation_share: of those that are not test.

    Returns:
        How many cached photos equal a photo of another product byte for byte.
    """
    db = intake.db
    given = {split for (split,) in db.execute("SELECT DISTINCT given_split FROM images")}
    db.execute("UPDATE products SET split = given_split FROM images WHERE product = products.number")
    shared = _heads_of_sharing(intake)
    db.create_function("draw", 1, lambda key: hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=16).digest())
    db.executescript(_POOL)
    sizes = db.execute("SELECT category, count(*) FROM pool GROUP BY category ORDER BY category").fetchall()
    drawn = quotas(
        (size for _, size in sizes),
        0.0 if "test" in given else test_share,
        0.0 if "validation" in given else validation_share,
    )
    for (category, _), quota in zip(sizes, drawn, strict=True):
        groups = db.execute(
            "SELECT head, count(*) FROM pool WHERE category = ? GROUP BY head ORDER BY min(draw)", (category,)
        )
        db.executemany(
            "UPDATE products SET split = ? WHERE number IN (SELECT product FROM pool WHERE head = ?)",
            _deal(groups, quota),
        )
    (leaks,) = db.execute(_LEAKS).fetchone()
    if leaks:
        intake.warnings.append(f"{leaks} photos stand byte for byte in more than one of the splits that the data give")
    return shared


def quotas(sizes: Iterable[int], test_share: float, validation_share: float) -> Iterator[Quota]:
    """Divide categories of these sizes, so that the sums come out right too.

    A category gets its share rounded up or down, whichever keeps the running total nearest to the share of all; and
    never so much that nothing is left to train on.
    """
    test, validation = _Rounding(test_share), _Rounding(validation_share)
    for size in sizes:
        for_test = test.take(size)
        yield Quota(for_test, validation.take(size - for_test))


@dataclass
class _Rounding:
    share: float
    seen: int = 0
    given: int = 0

    def take(self, size: int) -> int:
        self.seen += size
        due = math.floor(self.seen * self.share + 0.5) - self.given
        taken = max(0, min(due, math.ceil(size * self.share), size - 1))
        self.given += taken
        return taken


def _deal(groups: Iterable[tuple[int, int]], quota: Quota) -> Iterator[tuple[str, int]]:
    """The split of each group (head, products), in the order of the draw; one too large for a quota is passed on."""
    room = {"test": quota.test, "validation": quota.validation}
    for head, size in groups:
        split = next((name for name, left in room.items() if left >= size), "train")
        if split != "train":
            room[split] -= size
        yield split, head


def _heads_of_sharing(intake: Intake) -> int:
    """Fill the table `sharing`: for each product that shares a photo, the first product of its group.

    Only products that share are held in memory.

    Returns:
        How many photos they share.
    """
    db = intake.db
    db.executescript(
        "CREATE INDEX cached_by_content ON cached (content);"
        "CREATE TEMP TABLE sharing (product INTEGER PRIMARY KEY, head INTEGER NOT NULL);"
    )
    heads: dict[int, int] = {}

    def head_of(product: int) -> int:
        while (above := heads.setdefault(product, product)) != product:
            heads[product] = heads[above]
            product = above
        return product

    photos, before = 0, (b"", 0)
    sql = """
        SELECT content, product, products.split IS NULL FROM cached JOIN images ON images.number = image
        JOIN products ON products.number = product
        WHERE content IN (
            SELECT content FROM cached JOIN images ON number = image GROUP BY content HAVING count(DISTINCT product) > 1
        ) ORDER BY content, product
    """
    for content, product, is_free in db.execute(sql):
        photos += 1
        if not is_free:
            continue
        if content == before[0]:
            first, second = sorted((head_of(before[1]), head_of(product)))
            heads[second] = first
        before = (content, product)
    db.executemany("INSERT INTO sharing VALUES (?, ?)", ((product, head_of(product)) for product in list(heads)))
    return photos
