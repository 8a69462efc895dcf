import pytest

from training.prepare.intake.fields.text import clean, id_or_none, is_scientific, text_or_none


@pytest.mark.parametrize(
    "cell", ["", "  ", "N/A", "n/a", "nan", "NaN", "none", "None", "null", "-", " - ", "\r", "&nbsp;"]
)
def test_an_empty_cell_is_none(cell):
    assert text_or_none(cell) is None


@pytest.mark.parametrize("cell", ["Sofa", "0", "nano", "n/a-ish", "两\r人", "a=b", "R&D", "AT&T; more"])
def test_any_other_text_is_kept_without_surrounding_space(cell):
    assert text_or_none(f" {cell}\n") == cell


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("Salt &amp; Pepper", "Salt & Pepper"),
        ("Salt &amp;amp; Pepper", "Salt & Pepper"),
        ("&#163;5 &lt;b&gt;", "£5 <b>"),
        ("so\u200bfa\ufeff", "sofa"),
        ("cafe\u0301", "café"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ('="00123"', "00123"),
    ],
)
def test_entities_and_invisible_characters_are_cleaned(cell, text):
    assert clean(cell) == text


def test_ids_are_compared_without_joiners_and_in_one_form():
    assert id_or_none("a\u200d1") == "a1"
    assert id_or_none("e\u0301") == id_or_none("é")


@pytest.mark.parametrize("value", ["1.23E+15", "1,23E+15", "9E+10", "1.2e+101"])
def test_ids_that_a_spreadsheet_has_shortened_are_told(value):
    assert is_scientific(value)


@pytest.mark.parametrize("value", ["1E5", "123", "1.23", "AE+15", "12E+1", "SKU+1"])
def test_other_ids_are_sound(value):
    assert not is_scientific(value)
