import sqlite3
from contextlib import closing
from pathlib import Path

from lambda_app.release.catalog_inspection import inspect_catalog
from lambda_app.release.text.words_inspection import inspect_words
from tests.crafted.catalogs import statements
from tests.lambda_app.conftest import BuiltRelease


def test_a_catalog_of_an_older_release_has_no_words_and_passes(tmp_path: Path, built: BuiltRelease):
    path = tmp_path / "catalog.sqlite"
    path.write_bytes((built.folder / "catalog.sqlite").read_bytes())
    statements("DROP TABLE words", "DROP TABLE word_lengths")(path, {})
    inspect_catalog(path, built.manifest.catalog)


def test_words_of_a_later_version_are_not_read_and_pass(tmp_path: Path, built: BuiltRelease):
    path = tmp_path / "catalog.sqlite"
    path.write_bytes((built.folder / "catalog.sqlite").read_bytes())
    statements("UPDATE word_lengths SET version = 2, lengths = x''")(path, {})
    inspect_catalog(path, built.manifest.catalog)


def test_words_of_no_item_pass(tmp_path: Path, built: BuiltRelease):
    path = tmp_path / "catalog.sqlite"
    path.write_bytes((built.folder / "catalog.sqlite").read_bytes())
    statements("DELETE FROM words")(path, {})
    with closing(sqlite3.connect(path)) as connection:
        inspect_words(connection, path.name, built.manifest.catalog.count)
