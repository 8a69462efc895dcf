import pytest

from training.prepare.intake.fields.words import counted, quoted


@pytest.mark.parametrize(
    ("count", "one", "told"),
    [(1, "row", "1 row"), (0, "photo", "0 photos"), (1_200, "photo", "1,200 photos"), (2, "category", "2 categories")],
)
def test_a_noun_agrees_with_its_number(count, one, told):
    assert counted(count, one) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a", "'a'"),
        ("Bilder\\1.jpg", "'Bilder\\1.jpg'"),
        ("it's", '"it\'s"'),
        ("a\nb", r"'a\nb'"),
        ("Größe", "'Größe'"),
    ],
)
def test_a_text_is_quoted_as_it_is_written(text, told):
    assert quoted(text) == told
