import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lambda_app.errors import NotSupportedError
from lambda_app.release.catalog import Catalog, CatalogFilter, CatalogItem, write_catalog
from lambda_app.release.segments.live_rows import LiveRows
from lambda_app.release.segments.segmented_catalog import SegmentedCatalog

TITLES = (("red sofa", "blue sofa", "red chair"), ("red sofa bed", "lamp"))


def catalog_of(path: Path, titles: Sequence[str]) -> Catalog:
    items = [
        CatalogItem(
            f"{path.stem}-{row}", f"{path.stem}-{row}", "Home", title, 10.0 * row, None, f"datasets/x/{row}.jpg"
        )
        for row, title in enumerate(titles)
    ]
    write_catalog(path, items)
    return Catalog(path)


def segmented(folder: Path, *, dead: Sequence[int] = ()) -> SegmentedCatalog:
    catalogs = [catalog_of(folder / f"{number}.sqlite", titles) for number, titles in enumerate(TITLES)]
    hidden = np.zeros(sum(map(len, TITLES)), np.bool_)
    hidden[list(dead)] = True
    return SegmentedCatalog(catalogs, LiveRows.without([len(titles) for titles in TITLES], hidden))


def test_rows_of_all_segments_with_the_most_words_are_found(tmp_path: Path):
    found = segmented(tmp_path).words("red sofa")
    assert sorted(found.rows.tolist()) == [0, 3]
    assert found.words == 2
    assert found.scores.tolist() == sorted(found.scores, reverse=True)


def test_dead_rows_and_rows_that_do_not_pass_are_not_found(tmp_path: Path):
    catalog = segmented(tmp_path, dead=[0, 3])
    assert sorted(catalog.words("red sofa").rows.tolist()) == [1, 2]
    assert catalog.words("red sofa", catalog.passing(CatalogFilter(min_price=15.0))).rows.tolist() == [2]


def test_words_that_nothing_has_find_nothing(tmp_path: Path):
    found = segmented(tmp_path).words("violin")
    assert (found.rows.tolist(), found.words) == ([], 0)


def test_a_segment_without_an_index_of_words_is_refused(tmp_path: Path):
    catalog = segmented(tmp_path)
    catalog.require_words()
    with closing(sqlite3.connect(tmp_path / "1.sqlite")) as connection:
        connection.execute("DROP TABLE word_lengths")
    older = SegmentedCatalog([Catalog(tmp_path / f"{number}.sqlite") for number in range(2)], catalog.live)
    with pytest.raises(NotSupportedError, match="without an index of words"):
        older.require_words()
