"""Train, validation and test splits: by product, stratified by category, seeded, stable as listings come and go.

Products are ordered by a hash of the seed and their id. So the order of the input rows does not matter, and adding a
product moves few others to another split. Products that share an identical photo (byte for byte) are drawn together;
in different splits, that photo would leak test data into training.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from training.prepare.intake.fields.words import counted
from training.prepare.intake.tables import Intake

_POOL = """
CREATE TEMP TABLE pool (product INTEGER PRIMARY KEY, root INTEGER NOT NULL, category TEXT NOT NULL, draw BLOB NOT NULL);
INSERT INTO pool
    SELECT number, coalesce((SELECT root FROM sharing WHERE sharing.product = number), number), category, draw(id)
    FROM products WHERE split IS NULL AND number IN (SELECT product FROM images JOIN cached ON image = number);
UPDATE pool SET category = (SELECT category FROM products WHERE number = root)
    WHERE root != product;
CREATE INDEX pool_by_root ON pool (root);
"""
_LEAKS = """
SELECT count(*) FROM (
    SELECT content FROM cached JOIN images ON images.number = image JOIN products ON products.number = product
    GROUP BY content HAVING count(DISTINCT split) > 1
)
"""


@dataclass(frozen=True)
class Quota:
    """Numbers of products of a category for the test and validation splits; the others are for training."""

    test: int
    validation: int


def assign(intake: Intake, *, seed: int, test_share: float, validation_share: float) -> int:
    """Set the split of every product that has a cached photo.

    Products whose split is given by the input folders keep it. If the input has a test split, `test_share` is ignored;
    the same applies to validation.

    Args:
        test_share: share of test products among the products without a given split.
        validation_share: share of validation products among those that are not test.

    Returns:
        Number of cached photos that are identical (byte for byte) to a photo of another product.
    """
    db = intake.db
    given = {split for (split,) in db.execute("SELECT DISTINCT given_split FROM images")}
    db.execute("UPDATE products SET split = given_split FROM images WHERE product = products.number")
    shared = _group_by_shared_photos(intake)
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
            "SELECT root, count(*) FROM pool WHERE category = ? GROUP BY root ORDER BY min(draw)", (category,)
        )
        db.executemany(
            "UPDATE products SET split = ? WHERE number IN (SELECT product FROM pool WHERE root = ?)",
            _assign_groups(groups, quota),
        )
    (leaks,) = db.execute(_LEAKS).fetchone()
    if leaks:
        photos = f"{counted(leaks, 'photo')} {'is' if leaks == 1 else 'are'}"
        intake.warnings.append(f"{photos} in more than one of the splits that the input folders define")
    return shared


def quotas(sizes: Iterable[int], test_share: float, validation_share: float) -> Iterator[Quota]:
    """Compute the quotas of categories of these sizes, so that the totals over all categories are right too.

    The share of a category is rounded up or down, whichever keeps the running total closest to the exact share. At
    least one product of each category is left for training.
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


def _assign_groups(groups: Iterable[tuple[int, int]], quota: Quota) -> Iterator[tuple[str, int]]:
    """Yield (split, root) per group (root, size): test if it still has room, else validation if so, else train."""
    room = {"test": quota.test, "validation": quota.validation}
    for root, size in groups:
        split = next((name for name, left in room.items() if left >= size), "train")
        if split != "train":
            room[split] -= size
        yield split, root


def _group_by_shared_photos(intake: Intake) -> int:
    """Fill the table `sharing`: maps each product with a shared photo to the first product of its group (union-find).

    Only products with shared photos are kept in memory.

    Returns:
        Number of photos that are shared.
    """
    db = intake.db
    db.executescript(
        "CREATE INDEX cached_by_content ON cached (content);"
        "CREATE TEMP TABLE sharing (product INTEGER PRIMARY KEY, root INTEGER NOT NULL);"
    )
    roots: dict[int, int] = {}

    def root_of(product: int) -> int:
        while (parent := roots.setdefault(product, product)) != product:
            roots[product] = roots[parent]
            product = parent
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
            first, second = sorted((root_of(before[1]), root_of(product)))
            roots[second] = first
        before = (content, product)
    db.executemany("INSERT INTO sharing VALUES (?, ?)", ((product, root_of(product)) for product in list(roots)))
    return photos
