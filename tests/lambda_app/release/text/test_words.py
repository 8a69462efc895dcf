import gc
import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lambda_app.errors import NotSupportedError, ReleaseError
from lambda_app.release.catalog import Catalog, CatalogItem, write_catalog
from lambda_app.release.row_set import RowSet
from lambda_app.release.text.tokens import query_words
from lambda_app.release.text.words import (
    BEGINNING_WEIGHT,
    DESCRIPTION_WORDS,
    Postings,
    WordIndex,
    WordMatches,
    WordsBuilder,
)

ITEM = CatalogItem("i", "p", "Home", None, None, None, "datasets/x/photos/1.jpg")
TITLES = (
    "Red velvet sofa",
    "Blue sofa",
    "Blue velvet curtain",
    "Café table",
    "红色沙发",
    "Sofabed, grey",
    None,
    "Women's shoes: red, red, red",
    "소파 베드",
    "3 沙",
)


def written(path: Path, titles: tuple[str | None, ...] = TITLES, category: str = "Home") -> Catalog:
    items = [replace(ITEM, image_id=str(row), title=title, category=category) for row, title in enumerate(titles)]
    write_catalog(path / "catalog.sqlite", items)
    return Catalog(path / "catalog.sqlite")


def allowed(*rows: int) -> RowSet:
    return RowSet.of_mask(np.isin(np.arange(len(TITLES)), rows))


@pytest.fixture
def catalog(tmp_path: Path):
    with closing(written(tmp_path)) as catalog:
        yield catalog


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("VELVET, red!", [0]),
        ("cafe", [3]),
        ("CAFÉ", [3]),
        ("women's", [7]),
        ("red", [7, 0]),  # three times in one title
        ("沙发", [4]),
        ("发", [4]),
        ("沙", [9, 4]),  # the whole of one word, the beginning of the other
        ("色沙发", [4]),
        ("소", [8]),
        ("파", [8]),
        ("sofa", [1, 0, 5]),  # the shortest title first; "sofabed" only begins with it
        ("sof", [1, 5, 0]),
        ("nothing", []),
        ("", []),
    ],
)
def test_rows_are_found_by_their_words(catalog: Catalog, text: str, rows: list[int]):
    assert catalog.words(text).rows.tolist() == rows


def test_only_the_last_word_may_be_the_beginning_of_one(catalog: Catalog):
    assert catalog.words("grey sofab").rows.tolist() == [5]
    found = catalog.words("sofab grey")
    assert (found.rows.tolist(), found.words) == ([5], 1)


def test_rows_with_all_words_else_those_with_the_most(catalog: Catalog):
    found = catalog.words("blue velvet sofa")
    assert found.words == 2
    assert sorted(found.rows.tolist()) == [0, 1, 2]
    assert catalog.words("blue velvet curtain").rows.tolist() == [2]
    assert catalog.words("blue velvet curtain", allowed(0, 5)).rows.tolist() == [0]
    assert catalog.words("curtain", allowed(0, 5)).rows.tolist() == []


def test_the_name_of_the_category_counts_less_than_the_title(tmp_path: Path):
    with closing(written(tmp_path, ("Lamp", "Sofas of a home"), category="Sofas & lamps")) as catalog:
        assert catalog.words("sofas").rows.tolist() == [1, 0]
        assert catalog.words("lamps").rows.tolist() == [0, 1]


def test_rows_with_equal_scores_share_a_rank():
    found = WordMatches(np.array([4, 7, 1, 3]), np.array([2, 1, 1, 0.5], np.float32), 1)
    assert found.ranks.tolist() == [1, 2, 2, 3]
    assert WordMatches(np.empty(0, np.int64), np.empty(0, np.float32), 0).ranks.tolist() == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"red velvet" AND sofa* OR NEAR(a, 2)', 3),
        ("'; DROP TABLE words; --", 1),
        ("title:red ^red -red {red} (red", 1),
        ("red\0sofa", 2),
        ("\ud800 red", 1),
        ("😀", 0),
        ("%_?*", 0),
        ("x" * 100_000, 0),
        ("red " * 10_000, 1),
    ],
)
def test_no_text_is_an_operator(catalog: Catalog, text: str, words: int):
    assert catalog.words(text).words == words


def _random_titles(count: int) -> list[str]:
    """Titles of words that are as frequent as words are: few are in most titles."""
    vocabulary = [f"{letter}{number}" for number in range(20) for letter in "abcde"]
    random_ = random.Random(0)
    weights = [1 / rank for rank in range(1, len(vocabulary) + 1)]
    return [" ".join(random_.choices(vocabulary, weights, k=random_.randint(0, 12))) for _ in range(count)]


def test_the_scores_are_those_of_the_full_text_search_of_sqlite(tmp_path: Path):
    titles = _random_titles(700)
    with closing(sqlite3.connect(":memory:")) as oracle, closing(written(tmp_path, (*titles,), "a0 home")) as catalog:
        oracle.execute("CREATE VIRTUAL TABLE oracle USING fts5(title, category)")
        rows = [(row, title, "a0 home") for row, title in enumerate(titles)]
        oracle.executemany("INSERT INTO oracle (rowid, title, category) VALUES (?, ?, ?)", rows)
        statement = "SELECT rowid, -bm25(oracle, 3.0, 1.0) FROM oracle WHERE oracle MATCH ? ORDER BY 2 DESC, 1"
        for text in ("b1 q", "e9 q", "a0 b0 q", "c0 d0 q", "home q", "a0 b0 c0 q"):
            # The last word is in no title. FTS5 does not find less than all words, so it is not asked for that one.
            wanted = dict(oracle.execute(statement, [text.removesuffix(" q")]).fetchall())
            found = catalog.words(text)
            assert sorted(found.rows.tolist()) == sorted(wanted) != []
            assert found.words == len(text.split()) - 1
            np.testing.assert_allclose(found.scores, [wanted[row] for row in found.rows.tolist()], rtol=1e-4)
            assert (np.diff(found.scores) <= 0).all()


def test_of_words_that_begin_alike_each_counts_half(tmp_path: Path):
    with closing(written(tmp_path, ("sofabed sofas", "sofas", "lamp", "chair", "table"))) as catalog:
        begun, whole = catalog.words("sof").scores, catalog.words("sofas x").scores
        assert catalog.words("sof").rows.tolist() == [0, 1]
        assert begun[1] < whole[0]
    assert 0 < BEGINNING_WEIGHT < 1


def test_many_rows_and_frequent_words_are_read_as_written(tmp_path: Path):
    titles = tuple(
        " ".join(
            ["every", *["third"] * (row % 3 == 0), *["often"] * (300 * (row == 7)), *["rare"] * (row % 70_000 == 0)]
        )
        for row in range(70_001)
    )
    with closing(written(tmp_path, titles)) as catalog:
        assert len(catalog.words("every").rows) == 70_001
        assert sorted(catalog.words("third").rows.tolist()) == list(range(0, 70_001, 3))
        assert sorted(catalog.words("rare").rows.tolist()) == [0, 70_000]
        assert catalog.words("often").rows.tolist() == [7]


def test_an_empty_catalog_has_no_words(tmp_path: Path):
    with closing(written(tmp_path, ())) as catalog:
        assert catalog.words("sofa").rows.tolist() == []


@pytest.mark.parametrize("change", ["DROP TABLE word_lengths", "UPDATE word_lengths SET version = 2"])
def test_a_catalog_without_words_says_so(catalog: Catalog, tmp_path: Path, change: str):
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None)) as older:
        older.execute(change)
    with closing(Catalog(tmp_path / "catalog.sqlite")) as older_catalog:
        assert older_catalog.word_index is None
        with pytest.raises(NotSupportedError, match="without an index of words"):
            older_catalog.words("sofa")


@pytest.mark.parametrize(
    ("count", "gaps", "frequencies"),
    [
        (0, b"", b"\3"),
        (-1, b"\0", b"\3"),
        (1, b"", b"\3"),
        (1, b"\0" * 8, b"\3"),
        (1, b"\0" * 3, b"\3"),
        (1, b"\x0a", b"\3"),
        (2, b"\0\x0a", b"\3"),
        (2, b"\0\1", b""),
        (3, b"\0\1\1", b"\3\3"),
        (1, "0", b"\3"),
        (1, b"\0", None),
        (1 << 62, b"\0", b"\3"),
    ],
)
def test_bytes_that_do_not_fit_are_refused(count: int, gaps: bytes, frequencies: bytes):
    with pytest.raises(ReleaseError, match="of a word"):
        Postings.from_bytes(count, gaps, frequencies, 10)


def test_lengths_of_another_catalog_are_refused(catalog: Catalog):
    with pytest.raises(ReleaseError, match="holds 3 items"):
        WordIndex(catalog._fetch, b"\0\0", 3)


def test_an_index_is_written_once_with_all_its_words(tmp_path: Path):
    builder = WordsBuilder()
    builder.add("Red sofa", "Home")
    builder.add(None, "Home")
    with closing(sqlite3.connect(":memory:")) as connection:
        builder.write(connection)
        found = connection.execute("SELECT word, count, gaps, frequencies FROM words").fetchall()
    assert found == [("home", 2, b"\0\1", b"\1"), ("red", 1, b"\0", b"\3"), ("sofa", 1, b"\0", b"\3")]
    assert query_words("") == ()


def test_a_catalog_that_was_searched_by_words_is_closed_with_its_last_user(tmp_path: Path):
    """Without the garbage collector, which may run much later: releases come and go."""
    opened = len(list(Path("/proc/self/fd").iterdir()))
    gc.disable()
    try:
        catalog = written(tmp_path)
        assert len(catalog.words("sofa").rows)
        del catalog
        assert len(list(Path("/proc/self/fd").iterdir())) == opened
    finally:
        gc.enable()


def described(path: Path, *listings: tuple[str, str | None]) -> Catalog:
    """A catalog of these titles and descriptions."""
    items = [
        replace(ITEM, image_id=str(row), title=title, description=text) for row, (title, text) in enumerate(listings)
    ]
    write_catalog(path / "catalog.sqlite", items)
    return Catalog(path / "catalog.sqlite")


LONG = " ".join(f"word{number}" for number in range(90))


def test_items_are_found_by_the_words_of_their_description(tmp_path: Path):
    listings = (
        ("Chair", None),
        ("Table", "Of solid oak. Scratched"),
        ("Shelf", "Made of café wood, 沙发"),
        ("Oak bed", None),
    )
    with closing(described(tmp_path, *listings)) as catalog:
        assert catalog.words("scratched").rows.tolist() == [1]
        assert catalog.words("scrat").rows.tolist() == [1]
        assert catalog.words("table oak").rows.tolist() == [1]
        assert catalog.words("Cafe 沙发").rows.tolist() == [2]
        assert catalog.words("oak").rows.tolist() == [3, 1]


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("text", [f"{LONG} velvet", "velvet", "velvet " * 50, None])
def test_a_word_of_a_title_ranks_before_the_same_word_in_a_description(tmp_path: Path, text: str | None, before: int):
    listings = [("Red chair", "velvet " * 20), ("Velvet curtain, floor length", text)]
    others = [("Table lamp", LONG), ("Oak shelf", None)]
    with closing(described(tmp_path, *(listings if before else reversed(listings)), *others)) as catalog:
        assert catalog.words("velvet").rows.tolist()[0] == before


def test_a_long_description_does_not_bury_a_product(tmp_path: Path):
    listings = ("Velvet sofa", None), ("Velvet sofa", f"{LONG} velvet"), ("Velvet sofa", LONG)
    others = [(f"Lamp {number}", None) for number in range(20)]
    with closing(described(tmp_path, *others, *listings)) as catalog:
        found = catalog.words("velvet")
        assert found.rows.tolist() == [21, 20, 22]  # having the word twice counts a little
        assert found.scores[2] == found.scores[1] > 0.85 * found.scores[0]


def test_the_first_words_of_a_description_are_searched(tmp_path: Path):
    words = [f"w{number}" for number in range(DESCRIPTION_WORDS + 1)]
    with closing(described(tmp_path, ("Sofa", " ".join(words)), ("Lamp", None))) as catalog:
        assert catalog.words(f"{words[-2]} ").rows.tolist() == [0]
        assert catalog.words(f"{words[-1]} ").rows.tolist() == []
