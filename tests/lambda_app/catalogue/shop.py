"""A catalogue that changes, merges and goes back at random, and the same as a plain dictionary."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import numpy as np

from lambda_app.catalogue.building import build, opened
from lambda_app.catalogue.changes import Change, Entry, Item, NewValues, Remove, Update, Upsert
from lambda_app.catalogue.draft import Draft
from lambda_app.catalogue.embedding import Embedded
from lambda_app.catalogue.merging import merge
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.recommendation.recommender import Recommender, load
from lambda_app.release.catalog import CatalogItem
from lambda_app.release.entries import FileEntry
from lambda_app.release.manifest import Manifest
from lambda_app.search.building import merging
from lambda_app.search.vectors import unit
from lambda_app.store.blocked import BlockedItems
from tests.catalogue_changes import NOW, SETTINGS
from tests.releases import CATEGORIES, DIM

PRODUCTS = 90
EXHAUSTIVE = {"nprobe": 65_536, "factor": 1_000}
# How far a vector may be from the one that was added, once a merge stored it in the type of the base.
ROUNDED = {"flat": 1e-6, "ivf-float16": 1e-3, "ivf-int8": 0.07}
CLOSE = 2e-5  # cosines are computed in float32


@dataclass(frozen=True)
class Row:
    """A live photo: what exact search over a dictionary knows of it.

    Attributes:
        vector: float32 (d,), as an answer scores it.
        stored: whether a merge has stored it in the type of the base, after which it stays while the type does.
    """

    item: CatalogItem
    vector: np.ndarray
    fingerprint: np.ndarray
    stored: bool


Rows = dict[str, Row]


@dataclass
class Shop:
    """What serving has, and the same as a dictionary."""

    folder: Path
    manifest: Manifest
    files: dict[str, Path]
    rows: Rows
    random: np.random.Generator
    blocked: BlockedItems = field(default_factory=BlockedItems)
    before: list[tuple[Manifest, Rows]] = field(default_factory=list)
    photos: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    changes: int = 0
    recommender: Recommender | None = None

    def file(self, entry: FileEntry) -> Path:
        return self.files[entry.sha256]

    def step(self) -> None:
        """One release: most have changes, some merge, some go back."""
        kind = int(self.random.integers(10))
        if kind < 7:
            self.change(int(self.random.integers(1, 16)))
        elif kind < 9:
            self.merge(new_centroids=bool(self.random.integers(2)))
        elif self.before:
            self.manifest, rows = self.before[int(self.random.integers(len(self.before)))]
            self.rows = dict(rows)
        some = tuple(str(one) for one in self.random.choice([*self.rows], 2))
        products = (f"p{self.random.integers(PRODUCTS)}",)
        self.blocked = BlockedItems(image_ids=some, product_ids=products) if kind % 2 else BlockedItems()

    def change(self, changes: int) -> None:
        self.before.append((self.manifest, dict(self.rows)))
        base = opened(self.manifest, self.file)
        draft = Draft(base.catalog, CATEGORIES)
        draft.apply(Entry(1, None, tuple(self.one_change() for _ in range(changes))))
        self.changes += changes
        wanted = {new.item.image_id: self.photos[new.item.photo] for new in draft.added.values() if new.row is None}
        photos = {image_id: Embedded(*photo, category=0) for image_id, photo in wanted.items()}
        self.release(build(base, draft, photos, self.new_folder(), self.manifest.changes_through + 1, NOW))
        base.catalog.close()

    def one_change(self) -> Change:
        kind = int(self.random.integers(4))
        image_id = str(self.random.choice([*self.rows, "nobody"]))
        if kind == 0:
            return self.upserted(image_id if self.random.random() < 0.3 else f"n{self.random.integers(10**9)}")
        if kind == 1:
            price = None if self.random.random() < 0.2 else float(self.random.integers(0, 40))
            category = CATEGORIES[int(self.random.integers(4))]
            for one in [image_id] if image_id in self.rows else []:
                row = self.rows[one]
                self.rows[one] = replace(row, item=replace(row.item, price=price, category=category))
            return Update(image_id=image_id, set=NewValues(price=price, category=category))
        if kind == 2:
            product_id = f"p{self.random.integers(PRODUCTS)}"
            for one, row in self.rows.items():
                if row.item.product_id == product_id:
                    self.rows[one] = replace(row, item=replace(row.item, location="Leeds"))
            return Update(product_id=product_id, set=NewValues(location="Leeds"))
        if len(self.rows) > 1:
            self.rows.pop(image_id, None)
        return Remove(image_id=image_id)

    def upserted(self, image_id: str) -> Upsert:
        item = new_item(image_id, int(self.random.integers(PRODUCTS)), next(self.numbers))
        vector = self.new_vector()
        fingerprint = self.random.integers(0, 256, 197, np.uint8)
        self.photos[item.photo] = vector, fingerprint
        self.rows[image_id] = Row(item, vector, fingerprint, stored=False)
        return Upsert(item=Item(**vars(item)))

    def new_vector(self) -> np.ndarray:
        """Mostly between two known ones. Others may lie outside the range of int8, and then make an index float16."""
        one, other = (self.rows[str(image_id)].vector for image_id in self.random.choice([*self.rows], 2))
        between = one + other if self.random.random() < 0.97 else self.random.normal(size=DIM)
        return unit(between[np.newaxis])[0]

    def merge(self, *, new_centroids: bool) -> None:
        base = opened(self.manifest, self.file)
        limit = merging.MOST_LOST_RECALL
        merging.MOST_LOST_RECALL = -2.0 if new_centroids else limit
        try:
            made = merge(base, self.file, self.new_folder(), NOW)
        finally:
            merging.MOST_LOST_RECALL = limit
            base.catalog.close()
        index = made.manifest.index
        index = index.model_copy(update={"search": EXHAUSTIVE if index.type != "flat" else {}})
        same_type = index.type == self.manifest.index.type
        self.release(made.manifest.model_copy(update={"index": index}))
        assert not self.manifest.segmented
        self.take_stored(1e-6 if same_type else ROUNDED["ivf-float16"])

    def take_stored(self, again: float) -> None:
        """From now on, exact search uses what the merge stored. `again`: how far what was stored before may move."""
        now = opened(self.manifest, self.file)
        for image_id, row in self.rows.items():
            number = now.catalog.find(image_id)
            assert number is not None, image_id
            vector = now.index.vector(number)
            assert np.abs(vector - row.vector).max() <= (again if row.stored else ROUNDED[self.manifest.index.type])
            self.rows[image_id] = replace(row, vector=vector, stored=True)
        now.catalog.close()

    def new_folder(self) -> Path:
        folder = self.folder / str(next(self.numbers))
        folder.mkdir()
        return folder

    def release(self, made: Manifest) -> None:
        self.manifest = made
        folder = self.folder / str(max(int(path.name) for path in self.folder.iterdir()))
        for entry in made.files():
            if (folder / entry.file).exists():
                self.files.setdefault(entry.sha256, folder / entry.file)

    def serve(self) -> Recommender:
        shown = load(self.manifest, self.file, SETTINGS, self.recommender)
        self.recommender = shown
        return shown.without(self.blocked)

    def check(self, asked: Sequence[SimilarQuery]) -> None:
        """Every query is answered as exact search over the dictionary answers it."""
        served = self.serve()
        hidden = {*self.blocked.image_ids}
        shown = {
            image_id: row
            for image_id, row in self.rows.items()
            if image_id not in hidden and row.item.product_id not in self.blocked.product_ids
        }
        assert self.manifest.count == len(self.rows)
        for query in asked:
            near = self.rows[str(self.random.choice([*self.rows]))].vector
            for embedding in (near, unit(self.random.normal(size=(1, DIM)))[0]):
                found = served.similar(embedding, query)
                np.testing.assert_allclose(
                    [match.score for match in found], expected(shown, embedding, query), atol=CLOSE
                )
                for match in found:
                    row = shown[match.item.image_id]
                    assert match.item == replace(row.item, description=None)
                    assert abs(float(row.vector @ embedding) - match.score) <= CLOSE
        now = opened(self.manifest, self.file)
        ids = [str(one) for one in self.random.choice([*self.rows], 5)]
        numbers = [row for row in map(now.catalog.find, ids) if row is not None]
        assert now.catalog.items(numbers, described=True) == [self.rows[image_id].item for image_id in ids]
        known = now.catalog.fingerprints(numbers)
        np.testing.assert_array_equal(known, [self.rows[image_id].fingerprint for image_id in ids])
        now.catalog.close()


def new_item(image_id: str, product: int, number: int) -> CatalogItem:
    price = None if product % 7 == 0 else float(product % 40)
    return CatalogItem(
        image_id,
        f"p{product}",
        CATEGORIES[product % 4],
        f"Item {number}",
        price,
        None,
        f"datasets/x/{number}.jpg",
        f"What is said of product {product}" if product % 5 else None,
    )


def expected(rows: Rows, embedding: np.ndarray, query: SimilarQuery) -> list[float]:
    """The cosines of the results, by a computation over all rows."""
    found = []
    for row in rows.values():
        item, where, cosine = row.item, query.where, float(row.vector @ embedding)
        bounded = where.min_price is not None or where.max_price is not None
        low = -np.inf if where.min_price is None else where.min_price
        high = np.inf if where.max_price is None else where.max_price
        passes = where.category in (None, item.category) and cosine >= query.min_score
        if passes and (not bounded or (item.price is not None and low <= item.price <= high)):
            found.append((cosine, item.product_id))
    found.sort(reverse=True)
    scores: list[float] = []
    seen: set[str] = set()
    for cosine, product in found:
        if query.distinct == "image" or product not in seen:
            seen.add(product)
            scores.append(cosine)
    return scores[: query.k]
