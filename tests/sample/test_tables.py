"""Tests of `sample.tables`."""

import csv
import io

import pytest

from sample.tables import numbered, write_table


def test_only_commas_quotes_and_newlines_are_quoted(tmp_path):
    path = tmp_path / "table.csv"
    assert write_table(path, ("", "text"), [("0", "a\rb"), ("1", 'say "a, b"'), ("2", "a\nb")], "utf-8") == 3
    assert path.read_bytes() == b',text\n0,a\rb\n1,"say ""a, b"""\n2,"a\nb"\n'


@pytest.mark.parametrize("text", ["plain", "a, b", '"', '""', "a\nb", ',"\n', ""])
def test_a_csv_reader_gets_every_field_back(tmp_path, text):
    path = tmp_path / "table.csv"
    write_table(path, ("x", "y"), [(text, "end")], "utf-8")
    assert list(csv.reader(io.StringIO(path.read_text(), newline="")))[1] == [text, "end"]


def test_one_row_is_repeated_with_its_number():
    rows = list(numbered([(letter,) for letter in "abcdef"]))
    assert rows == [*((str(number), letter) for number, letter in enumerate("abcdef")), ("3", "d")]
