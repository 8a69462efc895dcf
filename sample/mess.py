"""Broken rows and photos, as in real exports beside intact listings."""

from collections.abc import Iterator
from dataclasses import dataclass

from sample.plan import Plan

SOUND, CMYK, TURNED, TRUNCATED = "sound", "CMYK", "EXIF-rotated", "truncated"

CMYK_PHOTO = (13, 1)  # product number, shot
TURNED_PHOTO = (14, 1)


@dataclass(frozen=True)
class Misfit:
    """One broken row or photo. Its number is the number of intact products plus `offset`.

    `product` is None if Products.csv has no row for it. `category` replaces the category of that row. `image` is None
    if Images.csv has no row for it. `photo` is how its file is written; None means no file.
    """

    mess: str
    offset: int
    product: str | None = "id"
    category: str | None = None
    image: str | None = "id"
    photo: str | None = SOUND


MISFITS = (
    Misfit("product without photos", 0, image=None, photo=None),
    Misfit("photo truncated", 1, photo=TRUNCATED),
    Misfit("photo file missing", 2, photo=None),
    Misfit("category N/A", 3, category="N/A"),
    Misfit("category missing", 4, category=""),
    Misfit("product without id", 5, product="", image=None, photo=None),
    Misfit("image row of no product", 6, product=None),
    Misfit("image row without id", 7, product=None, image="", photo=None),
    Misfit("photo without row", 8, product=None, image=None),
)


def finish(plan: Plan, number: int, shot: int) -> str:
    """How the file of the photo is written: SOUND, CMYK, TURNED or TRUNCATED."""
    if number < plan.products:
        return {CMYK_PHOTO: CMYK, TURNED_PHOTO: TURNED}.get((number, shot), SOUND)
    return TRUNCATED if MISFITS[number - plan.products].photo == TRUNCATED else SOUND


def misfits(plan: Plan) -> Iterator[tuple[int, Misfit]]:
    """Every misfit, with its number in this plan."""
    return ((plan.products + misfit.offset, misfit) for misfit in MISFITS)
