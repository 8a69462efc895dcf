import re
import shlex

import pytest

from training.errors import DataError
from training.prepare.intake.fields.names import scorer
from training.prepare.intake.fields.reading import parse_columns
from training.prepare.intake.source.csv_table import CsvTable
from training.prepare.intake.source.guess import example

TITLE = "Export vom 26.11.2026 - Mandant 4711, Berlin\n\n"
ROWS = (
    "Bezeichnung lang;Artikelnummer;Warengruppe;Preis;Bild Datei\n"
    "Sofa, rot, neu;4711;Wohnen;1.299,00;a.jpg\n"
    "Sofa, blau, neu;4712;Wohnen;1.399,00;b.jpg\n"
    "Sofa, blau, neu;4713;Garten;99,00;c.jpg\n"
)


def test_the_message_shows_the_header_under_a_title_and_options_that_work(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(TITLE + ROWS)
    with pytest.raises(DataError) as told:
        CsvTable(path, scorer({}))
    message = str(told.value)
    assert "line 3 looks most like the header: it holds ['Bezeichnung lang', 'Artikelnummer'" in message
    assert "Mandant" not in message
    given = re.search(r"such as (--columns .*); if", message)
    assert given is not None
    option, columns = shlex.split(given[1])
    assert option == "--columns"
    found = parse_columns(columns)
    assert found == {"id": ("Artikelnummer",), "category": ("Warengruppe",), "image": ("Bild Datei",)}
    table = CsvTable(path, scorer(found))
    assert table.columns == ["Bezeichnung lang", "Artikelnummer", "Warengruppe", "Preis", "Bild Datei"]


def test_a_header_with_a_comma_is_quoted_in_the_example():
    given = example(["Nr", "Gruppe, alt", "Bild"], [["1", "A", "a.jpg"], ["2", "A", "b.jpg"]])
    columns = parse_columns(shlex.split(given)[1])
    assert columns == {"id": ("Nr",), "category": ("Gruppe, alt",), "image": ("Bild",)}


def test_there_is_no_example_for_fewer_than_three_columns():
    assert example(["Nr", ""], [["1", "a.jpg"]]) == ""
