"""What is measured of an index of words: time, and the bytes of its tables alone."""

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from benchmarks.figures.table import Spread, spread
from lambda_app.release.catalog import CatalogItem
from lambda_app.release.text.words import WordsBuilder


def cpu(work: Callable[[], object]) -> float:
    """Seconds of CPU."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def times(work: Callable[[], object], rounds: int) -> Spread:
    """Milliseconds of each round, after one that is not counted."""
    work()
    measured = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        measured.append(1000 * (time.perf_counter() - begin))
    return spread(measured)


def write_words(path: Path, items: Iterable[CatalogItem]) -> None:
    """Write our tables alone to a new file."""
    words = WordsBuilder()
    for item in items:
        words.add(item.title, item.category, item.description)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;")
        words.write(connection)
        connection.execute("COMMIT")
