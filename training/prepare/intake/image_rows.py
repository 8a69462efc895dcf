"""Photos of products: rows of a table of photos, and the cells of a photo column."""

from hashlib import blake2b
from typing import NamedTuple

from training.prepare.intake.fields.photos import is_url, path_of, references, stem_of
from training.prepare.intake.fields.text import clean, id_or_none, is_scientific
from training.prepare.intake.fields.words import quoted
from training.prepare.intake.source.find import Opened
from training.prepare.intake.source.record import Record
from training.prepare.intake.tables import ImageRow, Intake


class Place(NamedTuple):
    """Where a row stands: the table, the number of the record and its line."""

    source: str
    number: int
    line: int | None


class ImageRows:
    """Takes photos into the working tables. Every photo that a row names is one image row: kept, or rejected."""

    def __init__(self, intake: Intake, products: str) -> None:
        """`products`: name of the table of the products, for messages."""
        self._intake = intake
        self._products = products

    def take_record(self, record: Record, images: Opened) -> None:
        """Take a record of a table of photos."""
        values, places = record.values, images.columns.places
        place = Place(images.name, record.number, record.line)
        product = id_or_none(values[places["product_id"][0]])
        own = id_or_none(values[places["image_id"][0]]) if "image_id" in places else None
        if record.problem:
            self._intake.rows_in["images"] += 1
            self._reject(place, own, record.problem, record.detail)
            return
        if "image" not in places:
            self.take(product, own, None, place, record.digest)
            return
        named = references("\n".join([values[where] for where in places["image"]]))
        if not named:
            self.take(product, own, "", place, record.digest)
        for reference in named:
            self.take(product, own if len(named) == 1 else None, reference, place, None)

    def take(
        self, product_id: str | None, image_id: str | None, reference: str | None, place: Place, digest: bytes | None
    ) -> None:
        """Take one photo.

        Args:
            image_id: None: the base name in the reference.
            reference: file name, path or URL; None: the photo is named after the id.
            digest: of the row; None: of product and reference.
        """
        intake = self._intake
        intake.rows_in["images"] += 1
        stem, named_id = stem_of(reference) if reference else "", image_id is not None
        image_id = image_id or clean(stem) or None
        if image_id is None:
            return self._reject(place, None, "missing_id", "the row has neither the id of a photo nor its file name")
        if is_scientific(image_id):
            return self._reject(
                place, image_id, "damaged_id", f"a spreadsheet has shortened the id to {quoted(image_id)}"
            )
        photo = intake.photos.find(intake.fetched(reference or "") or reference or image_id, image_id)
        product = None if product_id is None else intake.product_number(product_id)
        if product is None:
            return self._reject(place, image_id, "missing_product", self._why_no_product(product_id))
        if photo is None:
            named = (
                f"named {quoted(reference)}" if reference else f"of the id {quoted(image_id)}, such as photos/<id>.jpg"
            )
            hint = "; run scripts/fetch first, which downloads photos" if reference and is_url(reference) else ""
            return self._reject(place, image_id, "missing_photo", f"no photo file {named}{hint}")
        digest = digest or blake2b(f"{product_id}\0{reference}".encode("utf-8", "replace"), digest_size=16).digest()
        where = (place.source, place.number)
        row = ImageRow(image_id, product, photo, *where, digest=digest, line=place.line, named_id=named_id)
        return self._add(row, path_of(reference) if reference else None, place)

    def _add(self, row: ImageRow, path: str | None, place: Place) -> None:
        """Add a row. If another photo of the same base name has its id, the id gets a digest of the path."""
        outcome = self._intake.add_image(row)
        if isinstance(outcome, str) and path is not None and self._intake.photo_of_image(row.id) != row.photo:
            longer = f"{row.id}-{blake2b(path.encode('utf-8', 'replace'), digest_size=4).hexdigest()}"
            outcome = self._intake.add_image(ImageRow(**{**vars(row), "id": longer}))
        if isinstance(outcome, str):
            self._reject(place, row.id, outcome, f"an earlier row has the id {quoted(row.id)}")

    def _reject(self, place: Place, image_id: str | None, reason: str, detail: str) -> None:
        self._intake.reject("images", place.source, place.number, image_id, reason, detail, place.line)

    def _why_no_product(self, product_id: str | None) -> str:
        if product_id is None:
            return "the product id is missing"
        reason = self._intake.rejection_of_product(product_id)
        if reason is None:
            return f"{self._products} has no product {quoted(product_id)}"
        return f"the row of product {quoted(product_id)} was rejected: {reason}"
