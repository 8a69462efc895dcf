"""What a catalogue costs in an index of Amazon S3 Vectors: storage, writes, queries. `benchmarks.scale` prints it.

The units are binary, as in the examples of AWS's price page, which a test computes again: a TB is 1024 ** 4 bytes.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.figures.cells import duration, line, money
from lambda_app.release.catalog import CatalogItem
from lambda_app.search.s3vectors.schema import MOST_PUT, MOST_WRITTEN_PER_SECOND, NON_FILTERABLE, metadata_of

# Items in an index of Amazon S3 Vectors, and searches per second there.
ITEMS = (1_000_000, 50_000_000, 1_000_000_000)
SEARCHES = (1, 10, 100)
CHANGED = 0.1  # share of the items that are written again in a month
RESULTS = 10  # of a search
SECONDS_A_MONTH = 30.44 * 86_400
KB, MB, GB, TB = (1024**power for power in (1, 2, 3, 4))

# List prices in US dollars, us-east-1, read on 2026-11-26; docs/scale.md says where.
STORED_GB_MONTH = 0.06
PUT_GB = 0.20
LEAST_PUT = 128 * KB  # billed for each PutVectors
MILLION_QUERIES = 2.50
# Data processed by a query: for the vectors of the index up to a number, the price per TB. Each tier has its own price.
PROCESSED_TB = ((100_000, 0.004), (10_000_000, 0.002), (float("inf"), 0.0004))
RETURNED_GB = 0.01
RETURNED_FREE = 512 * KB  # of each query
LEAST_RETURNED = 256  # billed for each result

# What AWS says about a warm query ("as low as 100 milliseconds"; "sub-second" for a cold one). Not measured by us.
WARM_QUERY_MS = 100


@dataclass(frozen=True)
class Stored:
    """The bytes of a vector.

    Attributes:
        scanned: of vector, key and filterable metadata, which a query is billed for.
        kept: of the other metadata, which are stored and returned but not scanned.
    """

    scanned: float
    kept: float

    @property
    def total(self) -> float:
        """The bytes that are stored."""
        return self.scanned + self.kept


def example_item(dim: int = 256) -> Stored:
    """The bytes of an item as the loader writes it: a title of 40 characters, a description of 500, a fingerprint.

    Args:
        dim: of the vectors, float32.
    """
    item = CatalogItem(
        image_id="12345678-1",
        product_id="12345678",
        category="Home & Garden",
        title="Oak dining table with six chairs, 180 cm",
        price=249.0,
        location="Rotterdam",
        photo="datasets/shop/photos/12345678-1.jpg",
        description="x" * 500,
    )
    metadata = metadata_of(12_345_678, item, np.zeros(197, np.uint8))
    filterable = {name: value for name, value in metadata.items() if name not in NON_FILTERABLE}
    others = {name: value for name, value in metadata.items() if name in NON_FILTERABLE}
    return Stored(4 * dim + len(item.image_id) + _json_bytes(filterable), _json_bytes(others))


def storage_cost(vectors: int, stored: Stored) -> float:
    """Dollars a month."""
    return vectors * stored.total / GB * STORED_GB_MONTH


def put_cost(vectors: int, stored: Stored, batch: int = MOST_PUT) -> float:
    """Dollars to write so many vectors, in batches; a small batch is billed as 128 KB."""
    return vectors / batch * max(batch * stored.total, LEAST_PUT) / GB * PUT_GB


def put_hours(vectors: int) -> float:
    """Hours to write so many vectors into one index, at the most that the service takes."""
    return vectors / MOST_WRITTEN_PER_SECOND / 3_600


def processed_cost(vectors: int, stored: Stored) -> float:
    """Dollars for the data that one query processes, in an index of so many vectors."""
    dollars, below = 0.0, 0.0
    for most, price in PROCESSED_TB:
        dollars += max(0.0, min(vectors, most) - below) * stored.scanned / TB * price
        below = most
    return dollars


def returned_cost(results: int, stored: Stored) -> float:
    """Dollars for what one query returns: keys and metadata of so many results, after the free part."""
    size = results * max(LEAST_RETURNED, stored.total)
    return max(0.0, size - RETURNED_FREE) / GB * RETURNED_GB


def query_cost(vectors: int, stored: Stored, results: int) -> float:
    """Dollars of one query with so many results, in an index of so many vectors."""
    return MILLION_QUERIES / 1e6 + processed_cost(vectors, stored) + returned_cost(results, stored)


def index_tables(request_dollars: float) -> Iterator[str]:
    """The tables of an index in docs/scale.md, as Markdown lines.

    Args:
        request_dollars: of Lambda and API Gateway, for a request with one search.
    """
    stored = example_item()
    yield line("items", "stored", "storage per month", "first load", "its time, at least", "changes per month")
    yield line(*["---:"] * 6)
    for items in ITEMS:
        yield line(
            f"{items:,}",
            f"{items * stored.total / GB:,.1f} GB",
            money(storage_cost(items, stored)),
            money(put_cost(items, stored)),
            duration(put_hours(items)),
            money(CHANGED * put_cost(items, stored)),
        )
    yield ""
    yield line("items", "queries", "data processed", "data returned", "Lambda and API Gateway", "a million searches")
    yield line(*["---:"] * 6)
    for items in ITEMS:
        parts = (
            MILLION_QUERIES,
            1e6 * processed_cost(items, stored),
            1e6 * returned_cost(RESULTS, stored),
            1e6 * request_dollars,
        )
        yield line(f"{items:,}", *map(money, (*parts, sum(parts))))
    yield ""
    yield line("items", *(f"{rate} {'search' if rate == 1 else 'searches'} per second" for rate in SEARCHES))
    yield line(*["---:"] * (1 + len(SEARCHES)))
    for items in ITEMS:
        kept = storage_cost(items, stored) + CHANGED * put_cost(items, stored)
        search = query_cost(items, stored, RESULTS) + request_dollars
        yield line(f"{items:,}", *(money(kept + rate * SECONDS_A_MONTH * search) for rate in SEARCHES))


def _json_bytes(metadata: dict[str, object]) -> int:
    return len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode())
