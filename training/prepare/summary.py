"""Counts of what a `prepare` run read, kept and rejected: the content of `summary.json`."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from training.dataset import SPLITS
from training.prepare.dataset_tables import Digests
from training.prepare.intake.fields.descriptions import MOST_CHARACTERS
from training.prepare.intake.fields.words import counted
from training.prepare.intake.tables import Intake

_SPLITS = """
SELECT split, count(*), count(DISTINCT product) FROM cached JOIN images ON images.number = image
JOIN products ON products.number = product GROUP BY split
"""
_WITHOUT_PHOTO = "products WHERE number NOT IN (SELECT product FROM cached JOIN images ON images.number = image)"


@dataclass(frozen=True)
class Summary:
    """The figures of a dataset.

    Attributes:
        layout: "listings" or "folders".
        data: name of the folder that was read.
        folder: where the data lies in it: "." in general, else the path of a lone wrapper folder.
        rows_in: number of input rows by kind ("products", "images"). In the folder layout, each photo in a category
            folder also counts as one product row.
        kept: number of kept rows by kind. A kept product may have no kept photo.
        rejected: number of rejected rows by reason: products and images together.
        rejected_by_source: number of rejected rows by kind and reason; `kept` plus these equals `rows_in`.
        photo_files: number of photo files that were found.
        extra_photos: photo files of listings that no row names.
        extra_files: files that are neither photos nor tables.
        unused: up to three examples of extra photos, and one of extra files.
        skipped_rows: records that are no rows, by table and kind, such as those equal to the header.
        unread: cells with text that could not be read, by column: `count`, and the `first` with its table and line.
        null_prices, null_titles, null_locations, null_descriptions: kept products without these.
        cut_descriptions: kept products whose description was longer than is kept.
        products_without_photo: kept products of which no photo was kept.
        shared_photos: kept photos that are identical (byte for byte) to a photo of another product.
        categories: category names in index order.
        splits: number of items in train, validation and test; split_products: number of their products.
        preprocessing: settings with which the photos were decoded and resized.
        settings: the settings of the run; seed is one of them.
        encoding: text encoding of each CSV file.
        currency: ISO 4217 code of all prices, from the option or the input; None if unknown.
        understood: what was understood of the tables, line by line: layout, delimiter, encoding, columns.
        warnings: problems that a person should check, one sentence each.
        fingerprint: digest of input and settings, which decides whether a rerun is needed.
        digest: hex SHA-256 of items, photos, splits and settings.
        training_digest: the same without titles, prices, locations, descriptions and the currency.
        snapshot_at: when the listings were written, as ISO 8601; None: unknown. See `snapshot.py`.
    """

    layout: str
    data: str
    folder: str
    rows_in: dict[str, int]
    kept: dict[str, int]
    rejected: dict[str, int]
    rejected_by_source: dict[str, dict[str, int]]
    photo_files: int
    extra_photos: int
    extra_files: int
    unused: list[str]
    skipped_rows: dict[str, dict[str, int]]
    unread: dict[str, dict[str, Any]]
    null_prices: int
    null_titles: int
    null_locations: int
    null_descriptions: int
    cut_descriptions: int
    products_without_photo: int
    shared_photos: int
    categories: list[str]
    splits: dict[str, int]
    split_products: dict[str, int]
    preprocessing: dict[str, Any]
    settings: dict[str, Any]
    seed: int
    encoding: dict[str, str]
    currency: str | None
    understood: list[str]
    warnings: list[str]
    fingerprint: str
    digest: str
    training_digest: str
    snapshot_at: str | None = None

    @classmethod
    def of(
        cls,
        intake: Intake,
        *,
        layout: str,
        data: str,
        folder: str,
        categories: list[str],
        shared_photos: int,
        settings: dict[str, Any],
        currency: str | None,
        fingerprint: str,
        digests: Digests,
    ) -> "Summary":
        """Make the summary by counting the rows of the working tables.

        Raises:
            RuntimeError: kept plus rejected rows is not the number of rows read: a bug in this program, not an error
                in the input.
        """
        by_source = rejected_by_source(intake)
        splits = {split: (images, products) for split, images, products in intake.db.execute(_SPLITS)}
        return cls(
            layout=layout,
            data=data,
            folder=folder,
            rows_in=dict(intake.rows_in),
            kept=kept(intake),
            rejected=total_by_reason(by_source),
            rejected_by_source=by_source,
            photo_files=intake.count("photo_files"),
            extra_photos=intake.count("photo_files WHERE named = 0"),
            extra_files=intake.extra_files,
            unused=[*intake.photos.unnamed(3), *filter(None, [intake.extra_file])],
            skipped_rows=intake.skipped,
            unread={column: asdict(cells) for column, cells in intake.unread.items()},
            null_prices=intake.count("products WHERE price IS NULL"),
            null_titles=intake.count("products WHERE title IS NULL"),
            null_locations=intake.count("products WHERE location IS NULL"),
            null_descriptions=intake.count("products WHERE description IS NULL"),
            cut_descriptions=intake.cut_descriptions,
            products_without_photo=intake.count(_WITHOUT_PHOTO),
            shared_photos=shared_photos,
            categories=categories,
            splits={split: splits.get(split, (0, 0))[0] for split in SPLITS},
            split_products={split: splits.get(split, (0, 0))[1] for split in SPLITS},
            preprocessing=settings["preprocessing"],
            settings=settings,
            seed=settings["seed"],
            encoding=dict(intake.encoding),
            currency=currency,
            understood=list(intake.understood),
            warnings=list(intake.warnings),
            fingerprint=fingerprint,
            digest=digests.whole,
            training_digest=digests.trained,
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """The summary as text lines for the terminal."""
        kept, rows_in = self.kept, self.rows_in
        place = self.data if self.folder == "." else f"{self.data}/{self.folder}"
        yield f"{self.layout} in {place}: {counted(len(self.categories), 'category')}, dataset {self.digest[:12]}"
        yield f"kept      {kept['products']:,} of {counted(rows_in['products'], 'product')}"
        yield f"          {kept['images']:,} of {counted(rows_in['images'], 'image')}"
        for kind, reasons in self.rejected_by_source.items():
            for reason, count in reasons.items():
                yield f"rejected  {counted(count, kind[:-1])}: {reason}"
        for table, counts in self.skipped_rows.items():
            for what, count in counts.items():
                yield f"skipped   {counted(count, 'row')} of {table}: {what}"
        for column, cells in self.unread.items():
            of_all = counted(kept["products"], f"{column} cell")
            yield f"not read  {cells['count']:,} of {of_all}, first: {cells['first']}"
        if self.layout == "listings":
            nulls = {
                "title": self.null_titles,
                "price": self.null_prices,
                "location": self.null_locations,
                "description": self.null_descriptions,
            }
            missing = ", ".join(counted(count, field) for field, count in nulls.items())
            yield f"null      {missing}, of {counted(kept['products'], 'product')}"
            if self.cut_descriptions:
                yield f"cut       {counted(self.cut_descriptions, 'description')}, to {MOST_CHARACTERS:,} characters"
            yield f"no photo  {counted(self.products_without_photo, 'product')}"
        unused = (
            f"unused    {counted(self.extra_photos, 'photo')} without a row, {counted(self.extra_files, 'other file')}"
        )
        yield f"{unused}, such as {', '.join(self.unused)}" if self.unused else unused
        if self.layout == "listings":
            yield f"currency  {self.currency or 'unknown; if it is euros, for example, give --currency EUR'}"
        for split, count in self.splits.items():
            yield f"split     {counted(count, 'image')} of {counted(self.split_products[split], 'product')}: {split}"
        for warning in self.warnings:
            yield f"warning   {warning}"

    def short(self) -> str:
        """The summary in one line, for a dataset that was made before."""
        parts = [f"kept {self.kept['images']:,} of {counted(self.rows_in['images'], 'image')}"]
        if self.rejected:
            parts.append("rejected: " + ", ".join(f"{reason} {count:,}" for reason, count in self.rejected.items()))
        parts += [f"not read: {counted(cells['count'], f'{column} cell')}" for column, cells in self.unread.items()]
        if self.warnings:
            parts.append(counted(len(self.warnings), "warning"))
        return "; ".join(parts)


def rejected_by_source(intake: Intake) -> dict[str, dict[str, int]]:
    """Number of rejected rows by kind and reason.

    Raises:
        RuntimeError: kept plus rejected rows is not the number of rows read: a bug in this program, not an error in the
            input.
    """
    counts: dict[str, dict[str, int]] = {"products": {}, "images": {}}
    sql = "SELECT kind, reason, count(*) FROM rejected GROUP BY kind, reason ORDER BY kind, reason"
    for kind, reason, count in intake.db.execute(sql):
        counts[kind][reason] = count
    taken = kept(intake)
    for kind, rows in intake.rows_in.items():
        if taken[kind] + sum(counts[kind].values()) != rows:
            raise RuntimeError(f"{rows} {kind} read, but {taken[kind]} kept and {counts[kind]} rejected")
    return counts


def kept(intake: Intake) -> dict[str, int]:
    """Number of kept products, and of kept and decoded images."""
    return {"products": intake.count("products"), "images": intake.count("cached")}


def total_by_reason(by_source: dict[str, dict[str, int]]) -> dict[str, int]:
    """Number of rejected rows by reason, products and images together."""
    totals: Counter[str] = Counter()
    for reasons in by_source.values():
        totals.update(reasons)
    return dict(sorted(totals.items()))
