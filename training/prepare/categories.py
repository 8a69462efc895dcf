"""The order of the categories. The position of a category is its index in the model's output."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from lambda_app.release.manifest import MANIFEST, Manifest, read_manifest
from training.errors import DataError
from training.prepare.intake.tables import Intake

# A category with fewer products hardly has photos in every split.
FEW_PRODUCTS = 3
_EXAMPLES = 3


def read_categories(path: Path) -> tuple[str, ...]:
    """Category names in index order from a text file, one per line; blank lines are skipped.

    Raises:
        DataError: the file cannot be read, is empty or names a category twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise DataError(f"the categories file {path} cannot be read: {exc}") from exc
    names = tuple(unicodedata.normalize("NFC", " ".join(line.split())) for line in lines if line.strip())
    if not names:
        raise DataError(f"the categories file {path} names no category")
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"the categories file {path} names {name!r} twice")
    return names


def released(folder: str | None) -> Manifest | None:
    """The release whose manifest is in a folder, whose categories must keep their order; None without a folder.

    Raises:
        DataError: the folder holds no manifest.
        ReleaseError: this code cannot read the manifest.
    """
    if folder is None:
        return None
    try:
        data = Path(folder, MANIFEST).read_bytes()
    except OSError as exc:
        raise DataError(f"{folder} should hold the {MANIFEST} of the live release: {exc}") from exc
    return read_manifest(data)


def check_known(categories: Sequence[str], base: Manifest) -> None:
    """Check that the model of a release knows all categories.

    Raises:
        DataError: it does not; the message names them.
    """
    unknown = [name for name in categories if name not in base.categories]
    if unknown:
        raise DataError(
            f"the model of {base.release} does not know {len(unknown)} of the categories: "
            f"{_examples([repr(name) for name in unknown])}. Train without --reuse-model to add them; it knows "
            f"{', '.join(map(repr, base.categories))}"
        )


def category_order(intake: Intake, leading: Sequence[str]) -> list[str]:
    """All categories in index order: first `leading`, then new ones in the order of their first kept product.

    Adds warnings to `intake` for categories that are not in `leading`, and for categories without any photo.
    """
    sql = "SELECT category FROM products GROUP BY category ORDER BY min(number)"
    new = [category for (category,) in intake.db.execute(sql) if category not in leading]
    if leading and new:
        intake.warnings.append(f"categories missing from the given order were added at its end: {', '.join(new)}")
    categories = [*leading, *new]
    sql = "SELECT DISTINCT category FROM products WHERE split IS NOT NULL"
    seen = {category for (category,) in intake.db.execute(sql)}
    empty = [category for category in categories if category not in seen]
    if empty:
        intake.warnings.append(f"categories without a photo: {', '.join(empty)}")
    return categories


def doubtful_categories(intake: Intake) -> Iterator[str]:
    """Warnings about categories that look like a mistake, with examples."""
    sql = "SELECT category, count(*) FROM products GROUP BY category ORDER BY min(number)"
    counts = dict(intake.db.execute(sql))
    alike: dict[str, list[str]] = {}
    for name in counts:
        alike.setdefault(name.casefold(), []).append(name)
    twins = [" and ".join(map(repr, names)) for names in alike.values() if len(names) > 1]
    if twins:
        yield f"{len(twins):,} categories are written in more than one way: {_examples(twins)}"
    numbers = [repr(name) for name in counts if re.fullmatch(r"[\d\s.,]+", name)]
    if numbers:
        yield f"{len(numbers):,} categories are numbers: {_examples(numbers)}; is it the right column? See --columns"
    few = [f"{name!r} ({count})" for name, count in counts.items() if count < FEW_PRODUCTS]
    if few:
        yield f"{len(few):,} categories have fewer than {FEW_PRODUCTS} products: {_examples(few)}"


def _examples(texts: Sequence[str]) -> str:
    return ", ".join(texts[:_EXAMPLES]) + (", ..." if len(texts) > _EXAMPLES else "")
