"""Indexes of words that a compromised training job could drop, in the catalog of 40 items that tests publish."""

from typing import Any

from tests.crafted.catalogs import statements

# Every title of the catalog has it.
WORD = "listing"


def _changed(column: str, value: str) -> Any:
    """The word with another value; `value` is SQL."""
    return statements(f"UPDATE words SET {column} = {value} WHERE word = '{WORD}'")  # noqa: S608 (the test's own values)


INDEXES = (
    ("rows beyond the catalog", _changed("gaps", "CAST(x'ff' || substr(gaps, 2) AS BLOB)"), "a catalog of 40 rows"),
    ("no rows", _changed("count", "0"), "0 rows of a word do not fit"),
    ("fewer than no rows", _changed("count", "-1"), "-1 rows of a word do not fit"),
    ("more rows than gaps", _changed("count", "1 << 62"), "rows of a word do not fit"),
    ("half a gap", _changed("gaps", "CAST(substr(gaps, 2) AS BLOB)"), "39 bytes of gaps"),
    ("gaps of eight bytes", _changed("gaps", "zeroblob(320)"), "holds gaps of 320 bytes"),
    ("repeated rows", _changed("gaps", "zeroblob(40)"), "its rows must ascend"),
    ("a word that a row does not have", _changed("frequencies", "x'00'"), "at least once"),
    ("too few frequencies", _changed("frequencies", "x'0303'"), "2 frequencies"),
    (
        "a long word",
        statements("UPDATE words SET word = printf('%.*c', 161, 'x') WHERE word = 'listing'"),
        "word of 161",
    ),
    ("no lengths", statements("DELETE FROM word_lengths"), "0 rows in table 'word_lengths'"),
    ("short lengths", statements("UPDATE word_lengths SET lengths = x'0100'"), "2 bytes of word lengths"),
    ("lengths without words", statements("DROP TABLE words"), "another table 'words'"),
    (
        "words in any order",
        statements("ALTER TABLE words RENAME TO old", "CREATE TABLE words AS SELECT * FROM old", "DROP TABLE old"),
        "another table 'words'",
    ),
    (
        "words that compute",
        statements("DROP TABLE words", "CREATE VIRTUAL TABLE words USING fts5(word, count, gaps, frequencies)"),
        "holds the table 'words'",
    ),
)
