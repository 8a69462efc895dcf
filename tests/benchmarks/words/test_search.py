import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.words.search import measure, titles
from lambda_app.release.catalog import Catalog


def test_titles_have_the_words_of_the_vocabulary_as_often_as_their_rank_says():
    vocabulary, items = titles(2_000)
    words = [word for item in items for word in (item.title or "").split()]
    assert set(words) <= set(vocabulary)
    assert words.count(vocabulary[0]) > 3 * words.count(vocabulary[9]) > 0
    assert {3, 12} <= {len((item.title or "").split()) for item in items}


@pytest.mark.slow
def test_both_indexes_are_measured(tmp_path: Path):
    report = measure(tmp_path, 2_500, rounds=1)
    rows = {row.measure.strip(): row for row in report.rows}
    assert len(rows) == 8 + 8
    assert all(row.baseline is not None for name, row in rows.items() if not name.startswith(("open", "matches")))
    assert rows["matches of a title after one of a description alone"].ours.median == 0
    assert rows["2,500 titles: bytes of the index, MB"].ours.median > 0
    with (
        closing(Catalog(tmp_path / "catalog.sqlite")) as catalog,
        closing(sqlite3.connect(tmp_path / "fts.sqlite")) as fts,
    ):
        (most,) = fts.execute(
            "SELECT count(*) FROM words WHERE words MATCH ?", [f'"{titles(2_500)[0][0]}" *']
        ).fetchone()
        assert len(catalog.words(titles(2_500)[0][0]).rows) == most > 500
