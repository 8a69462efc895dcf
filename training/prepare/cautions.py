"""What a person should know about a dataset before training on it, one sentence each."""

from collections.abc import Iterator, Sequence

from training.dataset import SPLITS
from training.prepare.intake.fields.words import counted, quoted
from training.prepare.intake.tables import Intake

# Below this number the figures of the test split are printed as a warning too; their intervals are given up to 30.
FEW_TEST_PHOTOS = 10
_SPLITS = """
SELECT split, count(*) FROM cached JOIN images ON images.number = image
JOIN products ON products.number = product GROUP BY split
"""
_IN_TWO_CATEGORIES = """
SELECT min(photo), max(photo) FROM cached JOIN images ON images.number = image
JOIN products ON products.number = product GROUP BY content HAVING count(DISTINCT category) > 1 ORDER BY 1
"""
_MISSING = "SELECT id FROM rejected WHERE kind = 'images' AND reason = 'missing_photo' ORDER BY record LIMIT 1"


def cautions(intake: Intake, categories: Sequence[str]) -> Iterator[str]:
    """Warnings about the splits, the categories and the photos of a dataset; call it after the splits are assigned."""
    counts = dict.fromkeys(SPLITS, 0) | dict(intake.db.execute(_SPLITS).fetchall())
    if not counts["test"]:
        yield (
            "the test split is empty: accuracy and recall cannot be measured, and the release cannot replace one that "
            "has these figures"
        )
    elif counts["test"] < FEW_TEST_PHOTOS:
        photos = "is 1 test photo" if counts["test"] == 1 else f"are {counts['test']} test photos"
        yield f"there {photos}: the figures of the release say little; see their intervals"
    if not counts["validation"]:
        yield "the validation split is empty: the last epoch is exported instead of the best one, without calibration"
    if len(categories) == 1:
        only = quoted(categories[0])
        yield f"there is 1 category, {only}: each photo is predicted as it, so an accuracy of 1 says nothing"
    twice = intake.db.execute(_IN_TWO_CATEGORIES).fetchall()
    if twice:
        photos = f"{counted(len(twice), 'photo')} {'is' if len(twice) == 1 else 'are'}"
        yield f"{photos} in more than one category, such as {' and '.join(twice[0])}"
    missing = intake.count("rejected WHERE kind = 'images' AND reason = 'missing_photo'")
    if 2 * missing >= intake.rows_in["images"] > 0:
        rows = f"{missing} of {counted(intake.rows_in['images'], 'image row')}"
        yield f"{rows} have no photo{unmatched(intake)}"


def unmatched(intake: Intake) -> str:
    """An id without a photo file beside a file without a row, so that their difference is seen; empty if none lacks."""
    row = intake.db.execute(_MISSING).fetchone()
    if row is None:
        return ""
    files = intake.photos.unnamed(1, like=row[0])
    if not files:
        return "; no photo file is left for the others" if intake.count("photo_files") else "; there is no photo file"
    return f"; ids look like {quoted(row[0])}, photo files without a row like {quoted(files[0])}"
