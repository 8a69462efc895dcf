from typing import Any

import pytest

from lambda_app.catalogue.vectors.comparing import Compared, compare
from lambda_app.catalogue.vectors.index import VectorsIndex
from lambda_app.catalogue.vectors.rows import opened_rows
from tests.lambda_app.catalogue.vectors.conftest import Kept
from tests.lambda_app.catalogue.vectors.indexed import index_of, loader
from tests.s3vectors.server import S3VectorsServer


@pytest.fixture
def index(kept: Kept, s3vectors: S3VectorsServer) -> VectorsIndex:
    """The index of the first release."""
    found = index_of(s3vectors, kept.first)
    loader(kept.store).bring(found, kept.first)
    return found


def compared(kept: Kept, index: VectorsIndex, next_row: int = 40) -> Compared:
    with opened_rows(kept.first, kept.store.local_file) as held:
        return compare(index, held, next_row, seed=1)


def altered(kept: Kept, index: VectorsIndex, row: int, **fields: Any) -> None:
    """Put an item again, with other data or metadata."""
    key = kept.item(row).image_id
    (old,) = index.get([key]).values()
    metadata = {**old["metadata"], **fields.pop("metadata", {})}
    index.put([{"key": key, "data": fields.pop("data", old["data"]), "metadata": metadata}])


def test_a_loaded_index_is_what_it_should_be(kept: Kept, index: VectorsIndex):
    assert compared(kept, index) == Compared(40, 40, ())


def test_what_is_missing_and_what_is_strange_is_named(kept: Kept, index: VectorsIndex):
    index.delete([kept.item(row).image_id for row in range(7)])
    index.put([{"key": "stranger", "data": {"float32": [1.0] * 16}}])
    found = compared(kept, index)
    assert (found.listed, found.sampled) == (34, 33)
    missing, strange = found.differences
    assert missing.startswith("7 items are missing: '000a', '000b', ")
    assert missing.endswith(" and 2 more")
    assert strange == f"1 vectors are not items of {kept.first.release}: 'stranger'"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"metadata": {"title": "Another"}}, "1 of 40 sampled items have other metadata: '001b'"),
        ({"data": {"float32": [1.0] * 16}}, "1 of 40 sampled items have another vector: '001b'"),
        ({"metadata": {"row": 40}}, "1 of 40 sampled items have no row of their own below 40: '001b'"),
        ({"metadata": {"row": 2}}, "1 of 40 sampled items have no row of their own below 40: '001b'"),
    ],
)
def test_an_item_that_differs_is_named(kept: Kept, index: VectorsIndex, fields: dict[str, Any], said: str):
    altered(kept, index, 3, **fields)
    assert compared(kept, index).differences == (said,)
