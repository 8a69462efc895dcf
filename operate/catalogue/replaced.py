"""Which photos that are added are new, and which replace a listed one with the same image id."""

from dataclasses import replace
from pathlib import Path

from lambda_app.release.segments.segmented_catalog import SegmentedCatalog
from operate.catalogue.listings import Listings, Row

TAKEN = "other_product"


def without_taken(found: Listings, catalog: SegmentedCatalog) -> tuple[Listings, int]:
    """The listings without those that would replace a photo of another product, and how many replace one of their own.

    An image id that is only the base name of a file may be that of another product by chance: such a row is rejected.
    One that the table names is meant, so that a photo can move to another product.
    """
    kept: list[Row] = []
    rejected = list(found.rejected)
    replacing = 0
    for row in found.rows:
        place = catalog.find(row.image_id)
        listed = None if place is None else catalog.items([place], described=False)[0].product_id
        if listed is not None and listed != row.product_id and not row.named_id:
            detail = (
                f"the photo {row.image_id!r} of product {row.product_id!r} has the id of a photo of product "
                f"{listed!r}; rename the file, or name the id in a column image_id if it shall be replaced"
            )
            rejected.append((str(Path(row.photo).name), "", "", row.image_id, TAKEN, detail))
            continue
        replacing += listed is not None
        kept.append(row)
    return replace(found, rows=tuple(kept), rejected=tuple(rejected)), replacing
