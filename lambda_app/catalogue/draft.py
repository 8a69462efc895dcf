"""A catalogue while changes are applied to it: what was added, replaced and removed since the release it began with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lambda_app.catalogue.changes import Change, Entry, Remove, Revert, Unreadable, Update, Upsert
from lambda_app.errors import ChangeError
from lambda_app.release.catalog import CatalogItem
from lambda_app.release.segments.segmented_catalog import SegmentedCatalog

# A photo as an entry of the log names it: a later entry may mean other bytes under the same key.
Photo = tuple[str, int]


@dataclass(frozen=True)
class Rejection:
    """A change that was not applied. `line` counts the changes of the entry from 1."""

    entry: int
    line: int
    reason: str


@dataclass(frozen=True)
class NewRow:
    """A row that is added.

    Attributes:
        row: the row of the release whose vector it takes over; None: its photo must be embedded.
        entry: the entry of the log that set its photo.
    """

    item: CatalogItem
    row: int | None
    entry: int


class Draft:
    """Applies changes to the catalogue of a release, whose files stay as they are.

    Attributes:
        added: the rows that are new, by image id, in the order in which they were added.
        dead: the rows of the release that are removed or replaced.
        rejections: the changes that were not applied.
        applied: number of changes that were.
    """

    def __init__(self, catalog: SegmentedCatalog, categories: Sequence[str]) -> None:
        """Begin with the live rows of a catalog. `categories`: the names that the release's model knows."""
        self._catalog = catalog
        self._categories = frozenset(categories)
        self._entries: list[Entry] = []
        self._unusable: dict[Photo, str] = {}
        self._reset()

    @property
    def count(self) -> int:
        """The number of photos in the catalogue."""
        return self._catalog.live.count - len(self.dead) + len(self.added)

    def apply(self, entry: Entry) -> None:
        """Apply the changes of an entry in their order. Those that cannot be applied are noted, with the reason."""
        self._entries.append(entry)
        self._apply_all(entry)

    def without(self, unusable: dict[Photo, str]) -> None:
        """Apply all entries again, from the beginning, without photos that cannot be used.

        So later changes of the same items have the same effect as if they had come in a later release.

        Args:
            unusable: why a photo cannot be used. What was told before stays.
        """
        self._unusable |= unusable
        self._reset()
        for entry in self._entries:
            self._apply_all(entry)

    def _reset(self) -> None:
        self.added: dict[str, NewRow] = {}
        self.dead: set[int] = set()
        self.rejections: list[Rejection] = []
        self.applied = 0
        # Image ids of added rows, by product id: the keys of a dictionary, which keep their order.
        self._of_product: dict[str, dict[str, None]] = {}

    def _apply_all(self, entry: Entry) -> None:
        for line, change in enumerate(entry.lines, start=1):
            try:
                if isinstance(change, Unreadable):
                    raise ChangeError(change.reason)
                self._apply(change, entry.number)
            except ChangeError as exc:
                self.rejections.append(Rejection(entry.number, line, str(exc)))
            else:
                self.applied += 1

    def _apply(self, change: Change, entry: int) -> None:
        if isinstance(change, Upsert):
            item = change.item.catalog_item()
            self._check_category(item.category)
            if (reason := self._unusable.get((item.photo, entry))) is not None:
                raise ChangeError(reason)
            self._hide(item.image_id)
            self._add(NewRow(item, None, entry))
        elif isinstance(change, Update):
            values = change.set.given()
            if "category" in values:
                self._check_category(values["category"])
            for image_id in self._ids(change):
                self._update(image_id, values, entry)
        elif isinstance(change, Remove):
            ids = self._ids(change)
            if len(ids) >= self.count:
                raise ChangeError(
                    f"it would remove the last of {self.count:,} photos; a release has at least one. "
                    "scripts/catalogue block hides all of them"
                )
            for image_id in ids:
                self._hide(image_id)

    def _update(self, image_id: str, values: dict[str, Any], entry: int) -> None:
        if image_id in self.added:
            old = self._drop(image_id)
            self._add(replace(old, item=replace(old.item, **values)))
            return
        row = self._live_row(image_id)
        if row is not None:
            self.dead.add(row)
            self._add(NewRow(replace(self._catalog.items([row])[0], **values), row, entry))

    def _ids(self, change: Update | Remove) -> list[str]:
        """The image ids of the live photos that a change is about.

        Raises:
            ChangeError: there is none.
        """
        if change.image_id is not None:
            found = change.image_id in self.added or self._live_row(change.image_id) is not None
            if not found:
                raise ChangeError(f"no item has the image_id {change.image_id[:80]!r}{self._meant(change.image_id)}")
            return [change.image_id]
        product_id = change.product_id or ""
        rows = [row for row in self._catalog.product_rows(product_id) if row not in self.dead]
        ids = [item.image_id for item in self._catalog.items(rows, described=False)]
        ids += self._of_product.get(product_id, ())
        if not ids:
            raise ChangeError(f"no item has the product_id {product_id[:80]!r}")
        return ids

    def _meant(self, image_id: str) -> str:
        """What to do if an id is none of a photo, but that of a product."""
        rows = self._catalog.product_rows(image_id)
        if self._of_product.get(image_id) or any(row not in self.dead for row in rows):
            return "; a product has that id: use --products, or product_id in place of image_id"
        return ""

    def _live_row(self, image_id: str) -> int | None:
        """The row of the release, if it is neither removed nor replaced."""
        row = self._catalog.find(image_id)
        return None if row in self.dead else row

    def _hide(self, image_id: str) -> None:
        if image_id in self.added:
            self._drop(image_id)
        elif (row := self._live_row(image_id)) is not None:
            self.dead.add(row)

    def _add(self, new: NewRow) -> None:
        self.added[new.item.image_id] = new
        self._of_product.setdefault(new.item.product_id, {})[new.item.image_id] = None

    def _drop(self, image_id: str) -> NewRow:
        new = self.added.pop(image_id)
        del self._of_product[new.item.product_id][image_id]
        return new

    def _check_category(self, category: str) -> None:
        if category not in self._categories:
            raise ChangeError(
                f"the category {category[:80]!r} is unknown to the model of the live release, which has "
                f"{len(self._categories)}; training adds it"
            )


def effective(entries: Sequence[Entry]) -> Iterator[Entry]:
    """The entries that count: without those that a later revert undoes, and without the reverts."""
    undone: set[int] = set()
    for entry in entries:
        for change in entry.lines:
            if isinstance(change, Revert):
                # Within these entries and before its own: an entry of other software may name any number.
                first, last = entries[0].number, entry.number - 1
                undone.update(range(max(first, change.through + 1), min(last, change.undone) + 1))
                undone.add(entry.number)
    return (entry for entry in entries if entry.number not in undone)
