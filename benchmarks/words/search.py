"""Search by words: our index in the catalog, compared with SQLite's FTS5 over the same titles.

Titles have 3 to 12 words of a vocabulary in which the word of rank r is as frequent as 1 / r (Zipf's law). Both sides
search all words of a query in titles and in the names of categories.
"""

import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks.figures.table import Goal, Report, Row, Spread, exact
from benchmarks.inputs.bench_release import ROOT
from benchmarks.inputs.synthetic import CATEGORIES, SyntheticCatalogue
from benchmarks.words import descriptions
from benchmarks.words.measuring import cpu, times, write_words
from lambda_app.recommendation.finder import Finder
from lambda_app.recommendation.query import Selection, SimilarQuery
from lambda_app.release.catalog import Catalog, CatalogItem, write_catalog
from lambda_app.search.building.choice import build_index
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.local.engine import Segments

COUNT, QUICK_COUNT = 100_000, 10_000
VOCABULARY = 40_000
ROUNDS, QUICK_ROUNDS = 15, 5
_SHORTEST, _LONGEST = 3, 12
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_MB = 1e6
_MOST_MB, _MOST_OPEN_MS, _MOST_MS = 5, 5, 20


def run(quick: bool) -> Report:
    """Write both indexes in a temporary folder under var/bench, and search them."""
    parent = ROOT / "var" / "bench"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix="words-") as folder:
        return measure(Path(folder), QUICK_COUNT if quick else COUNT, QUICK_ROUNDS if quick else ROUNDS)


def measure(folder: Path, count: int, rounds: int) -> Report:
    """Measure a catalogue of `count` photos; each query is asked `rounds` times, after a first time."""
    vocabulary, items = titles(count)
    whole, ours, theirs = folder / "catalog.sqlite", folder / "words.sqlite", folder / "fts.sqlite"
    write_catalog(whole, items)
    written = cpu(lambda: write_words(ours, items))
    fts = cpu(lambda: _write_fts(theirs, items))
    rows = [
        Row(
            f"{count:,} titles: bytes of the index, MB",
            exact(ours.stat().st_size / _MB),
            exact(theirs.stat().st_size / _MB),
            Goal("at most", _MOST_MB),
        ),
        Row("  CPU to write it, s", exact(written), exact(fts)),
        Row("open the catalog and its index, ms", _opening(whole, rounds), goal=Goal("at most", _MOST_OPEN_MS)),
    ]
    queries = {
        f"the most frequent word ({vocabulary[0]})": f"{vocabulary[0]}",
        "2 frequent words": f"{vocabulary[5]} {vocabulary[10]}",
        "4 words, one of them rare": " ".join(vocabulary[rank] for rank in (1, 50, 500, VOCABULARY // 20)),
        "the beginning of a word (2 letters)": "so",
    }
    with closing(Catalog(whole)) as reader, closing(sqlite3.connect(theirs)) as connection:
        for name, text in queries.items():
            found = len(reader.words(text).rows)
            rows.append(
                Row(
                    f"{name}, {found:,} found, ms",
                    times(lambda text=text: reader.words(text), rounds),  # type: ignore[misc]
                    times(lambda text=text: _search_fts(connection, text), rounds),  # type: ignore[misc]
                    Goal("at most", _MOST_MS),
                )
            )
        rows.append(_together(folder, reader, count, vocabulary, rounds))
    rows += descriptions.rows(folder, whole, items, vocabulary, queries, rounds)
    notes = [f"{VOCABULARY:,} words; titles of {_SHORTEST} to {_LONGEST}; the last word of a query may begin others"]
    return Report(rows, notes)


def titles(count: int) -> tuple[list[str], list[CatalogItem]]:
    """The vocabulary, the most frequent word first, and `count` items of two photos a product."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 11, VOCABULARY)
    vocabulary = ["".join(rng.choice([*_LETTERS], length)) for length in lengths]
    share = 1 / np.arange(1, VOCABULARY + 1)
    long = rng.integers(_SHORTEST, _LONGEST + 1, count)
    words = iter(rng.choice(VOCABULARY, int(long.sum()), p=share / share.sum()).tolist())
    items = []
    for row, length in enumerate(long.tolist()):
        title = " ".join(vocabulary[next(words)] for _ in range(length))
        category = f"category {vocabulary[100 + row % CATEGORIES]}"
        items.append(CatalogItem(str(row), str(row // 2), category, title, 9.5, None, "datasets/x/photo.jpg"))
    return vocabulary, items


def _write_fts(path: Path, items: Iterable[CatalogItem]) -> None:
    """An FTS5 table without its content, merged into one segment."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;")
        connection.execute(
            "CREATE VIRTUAL TABLE words USING fts5(title, category, content='', "
            "tokenize='unicode61 remove_diacritics 2')"
        )
        rows = ((row, item.title, item.category) for row, item in enumerate(items))
        connection.executemany("INSERT INTO words (rowid, title, category) VALUES (?, ?, ?)", rows)
        connection.execute("INSERT INTO words (words) VALUES ('optimize')")
        connection.execute("COMMIT")


def _search_fts(connection: sqlite3.Connection, text: str) -> None:
    quoted = " ".join(f'"{word}"' for word in text.split())
    statement = "SELECT rowid, bm25(words, 3.0, 1.0) AS score FROM words WHERE words MATCH ? ORDER BY score LIMIT 500"
    connection.execute(statement, [f"{quoted} *"]).fetchall()


def _together(folder: Path, reader: Catalog, count: int, vocabulary: list[str], rounds: int) -> Row:
    """A photo with a frequent word, compared with the photo alone."""
    catalogue = SyntheticCatalogue(count)
    entry = build_index(np.concatenate([*catalogue.blocks()]), "ivf-float16", folder / "index.faiss", seed=0)
    finder = Finder(Segments((VectorIndex(folder / entry.file, entry, threads=1),), (reader,)).without((), ()))
    (photo,) = catalogue.queries(1)
    alone, words = SimilarQuery(k=12), SimilarQuery(k=12, words=vocabulary[5])
    return Row(
        "a photo with a frequent word; baseline: the photo alone, ms",
        times(lambda: finder.nearest(photo, Selection(words)), rounds),
        times(lambda: finder.nearest(photo, Selection(alone)), rounds),
    )


def _opening(path: Path, rounds: int) -> Spread:
    def open_both() -> None:
        with closing(Catalog(path)) as opened:
            opened.require_words()

    return times(open_both, rounds)
