"""Random series of releases of segments, held against exact search over the same live items."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lambda_app.recommendation.finder import Finder
from lambda_app.recommendation.query import Match, Selection, SimilarQuery
from lambda_app.release.catalog import Catalog, CatalogFilter, CatalogItem, write_catalog
from lambda_app.release.manifest import IndexEntry, file_entry
from lambda_app.release.segments.live_rows import LiveRows
from lambda_app.release.segments.segmented_catalog import SegmentedCatalog
from lambda_app.search.building.choice import build_index
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.local.engine import FaissEngine, Segments
from lambda_app.search.segmented_index import SegmentedIndex
from lambda_app.search.vectors import unit
from tests.releases import write_index

ROWS, DIM = 800, 12
CATEGORIES = tuple("ABCD")
BONUSES = {"A": 0.3, "B": 0.1, "C": 0.0, "D": 0.02}
CLOSE = 2e-5  # cosines are computed in float32
PRICES = st.none() | st.floats(0, 40)


@dataclass
class Base:
    """The first segment: opened once for all series."""

    index: VectorIndex
    catalog: Catalog
    items: list[CatalogItem]
    vectors: np.ndarray


@dataclass
class Shop:
    """A catalogue that changes: what serving has open, and the same as a plain list."""

    folder: Path
    indexes: list[VectorIndex]
    catalogs: list[Catalog]
    rows: list[tuple[CatalogItem, np.ndarray]]
    dead: set[int] = field(default_factory=set)
    catalog: SegmentedCatalog | None = None
    numbers: "count[int]" = field(default_factory=count)

    def release(self) -> Finder:
        hidden = np.zeros(len(self.rows), np.bool_)
        hidden[list(self.dead)] = True
        before = self.catalog
        live = LiveRows.without(
            [index.count for index in self.indexes], hidden, None if before is None else before.live
        )
        self.catalog = SegmentedCatalog(self.catalogs, live, before)
        return Finder(FaissEngine(Segments((), ()), SegmentedIndex(self.indexes, live), self.catalog))

    def add(self, rows: list[tuple[CatalogItem, np.ndarray]]) -> None:
        number = next(self.numbers)
        index, catalog = self.folder / f"{number}.faiss", self.folder / f"{number}.sqlite"
        write_index(index, np.stack([vector for _, vector in rows]))
        write_catalog(catalog, [item for item, _ in rows])
        entry = IndexEntry(**file_entry(index), count=len(rows))
        self.indexes.append(VectorIndex(index, entry, threads=1))
        self.catalogs.append(Catalog(catalog))
        self.rows += rows

    def live(self) -> list[int]:
        return [row for row in range(len(self.rows)) if row not in self.dead]

    def change(self, random: np.random.Generator) -> None:
        """One release's worth of removals, updates and additions."""
        live = self.live()
        removed = random.choice(live, int(random.integers(0, max(1, len(live) // 3))), replace=False)
        updated = random.choice(live, int(random.integers(0, min(9, len(live)))), replace=False)
        self.dead |= {int(row) for row in [*removed, *updated]}
        rows = [(replace(self.rows[row][0], price=float(random.integers(0, 40))), self.rows[row][1]) for row in updated]
        for _ in range(int(random.integers(0 if rows else 1, 12))):
            product = int(random.integers(0, ROWS))  # of a known product or of a new one
            rows.append((item(f"new-{len(self.rows) + len(rows)}", product), unit(random.normal(size=(1, DIM)))[0]))
        self.add(rows)


def item(image_id: str, product: int) -> CatalogItem:
    price = None if product % 7 == 0 else float(product % 40)
    return CatalogItem(image_id, f"p{product}", CATEGORIES[product % 4], None, price, None, "datasets/x/y.jpg")


@pytest.fixture(scope="module", params=["flat", "ivf-float16", "ivf-int8"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Base]:
    """Returns 800 photos of about 300 products, searched exhaustively whatever the type. As a function, because
    Hypothesis prints the arguments of a test that fails.
    """
    folder = tmp_path_factory.mktemp("base")
    random = np.random.default_rng(0)
    products = random.integers(0, 300, ROWS)
    vectors = unit(random.normal(size=(300, DIM))[products] + 0.4 * random.normal(size=(ROWS, DIM)))
    items = [item(f"base-{row}", int(product)) for row, product in enumerate(products)]
    write_catalog(folder / "catalog.sqlite", items)
    entry = build_index(vectors, request.param, folder / "index.faiss", seed=0)
    exhaustive = entry.model_copy(update={"search": {"nprobe": 65_536, "factor": 1_000}})
    index = VectorIndex(folder / "index.faiss", exhaustive, threads=1)
    stored = np.stack([index.vector(row) for row in range(ROWS)])
    made = Base(index, Catalog(folder / "catalog.sqlite"), items, stored)
    return lambda: made


def expected(shop: Shop, embedding: np.ndarray, query: SimilarQuery, bonuses: dict[str, float]) -> list[float]:
    """The sums of cosine and bonus of the results, by a computation over all live rows."""
    found = []
    for row in shop.live():
        item, vector = shop.rows[row]
        cosine, where = float(vector @ embedding), query.where
        bounded = where.min_price is not None or where.max_price is not None
        low = -np.inf if where.min_price is None else where.min_price
        high = np.inf if where.max_price is None else where.max_price
        passes = where.category in (None, item.category) and cosine >= query.min_score
        if passes and (not bounded or (item.price is not None and low <= item.price <= high)):
            found.append((cosine + bonuses.get(item.category, 0.0), item.product_id))
    found.sort(reverse=True)
    sums: list[float] = []
    seen: set[str] = set()
    for total, product in found:
        if query.distinct == "image" or product not in seen:
            seen.add(product)
            sums.append(total)
    return sums[: query.k]


def check(shop: Shop, matches: list[Match], query: SimilarQuery, bonuses: dict[str, float], sums: list[float]) -> None:
    totals = [match.score + bonuses.get(match.item.category, 0.0) for match in matches]
    np.testing.assert_allclose(totals, sums, atol=CLOSE)
    for match in matches:
        assert match.row not in shop.dead
        assert shop.rows[match.row][0] == match.item
        assert shop.catalog is not None
        assert shop.catalog.find(match.item.image_id) == match.row


queries = st.builds(
    SimilarQuery,
    k=st.integers(1, 60),
    where=st.builds(
        CatalogFilter, category=st.none() | st.sampled_from(CATEGORIES), min_price=PRICES, max_price=PRICES
    ),
    # Scores near the limit may fall on either side: the limit lies between those that occur.
    min_score=st.sampled_from([-1.0, 0.1234567]),
    distinct=st.sampled_from(["product", "image"]),
)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32 - 1), asked=st.lists(queries, min_size=6, max_size=6))
def test_every_release_of_a_series_answers_as_exact_search_does(
    base: Callable[[], Base], seed: int, asked: list[SimilarQuery]
):
    random = np.random.default_rng(seed)
    with TemporaryDirectory() as folder:
        rows = list(zip(base().items, base().vectors, strict=True))
        shop = Shop(Path(folder), [base().index], [base().catalog], rows)
        for query in asked:
            finder = shop.release()
            near = shop.rows[int(random.choice(shop.live()))][1]
            for embedding in (near, unit(random.normal(size=(1, DIM)))[0]):
                found = finder.nearest(embedding, Selection(query))
                check(shop, found, query, {}, expected(shop, embedding, query, {}))
                if query.where.category is None:  # else all results have the same bonus, and `nearest` is asked
                    ranked = finder.ranked(embedding, Selection(query), BONUSES)
                    check(shop, ranked, query, BONUSES, expected(shop, embedding, query, BONUSES))
            shop.change(random)


def test_a_dead_neighbourhood_hides_no_live_row(base: Callable[[], Base], tmp_path: Path):
    """The rows nearest to a query are all dead, so a search that drops some of its candidates must go on."""
    shop = Shop(tmp_path, [base().index], [base().catalog], list(zip(base().items, base().vectors, strict=True)))
    embedding = base().vectors[0]
    shop.dead = {int(row) for row in np.argsort(-(base().vectors @ embedding))[:300]}
    for k in (1, 10, 200):
        query = SimilarQuery(k, distinct="image")
        found = shop.release().nearest(embedding, Selection(query))
        check(shop, found, query, {}, expected(shop, embedding, query, {}))
        assert len(found) == k
