import pytest

from training.prepare.intake.fields.photos import path_of, references, stem_of


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        ("", []),
        ("N/A", []),
        ("a.jpg", ["a.jpg"]),
        ("a.jpg, b.png,c.webp", ["a.jpg", "b.png", "c.webp"]),
        ("a|b; c\nd", ["a", "b", "c", "d"]),
        ("chair, red.jpg", ["chair, red.jpg"]),
        ("https://x/a.jpg, https://x/b.jpg", ["https://x/a.jpg", "https://x/b.jpg"]),
        ("https://x/a.jpg?w=1,2;3 //x/b.jpg", ["https://x/a.jpg?w=1,2;3", "//x/b.jpg"]),
        ("https://x/a.jpg|https://x/b.jpg", ["https://x/a.jpg", "https://x/b.jpg"]),
        ("https://x/a.jpg?a=1&amp;b=2", ["https://x/a.jpg?a=1&b=2"]),
        ('["a.jpg", "b.jpg"]', ["a.jpg", "b.jpg"]),
        ("['a', 'b, c']", ["a", "b, c"]),
        ("[a.jpg, b.jpg]", ["a.jpg", "b.jpg"]),
        ('["https:\\/\\/x\\/a.jpg?w=1,2"]', ["https://x/a.jpg?w=1,2"]),
        ('[{"alt": "a, b", "url": "https://x/a.jpg"}, {"src": "b.jpg"}, {}, null]', ["https://x/a.jpg", "b.jpg"]),
        ("[]", []),
        ("[" * 100_000 + "]" * 100_000, ["[" * 99_999 + "]" * 99_999]),
        ("a.jpg,a.jpg", ["a.jpg"]),
    ],
)
def test_a_cell_names_one_or_several_photos(cell, named):
    assert references(cell) == named


@pytest.mark.parametrize(
    ("reference", "path", "stem"),
    [
        ("a.jpg", "a.jpg", "a"),
        ("2026/11/a.JPEG", "2026/11/a.JPEG", "a"),
        (r"C:\photos\a.png", "C:/photos/a.png", "a"),
        ("https://x/s/a%20b.jpg?v=1#top", "s/a b.jpg", "a b"),
        ("https://x/", "", ""),
        ("https://[bad/a.jpg", "a.jpg", "a"),
        ("SKU 1.5", "SKU 1.5", "SKU 1.5"),
    ],
)
def test_the_base_name_of_a_reference_is_found(reference, path, stem):
    assert (path_of(reference), stem_of(reference)) == (path, stem)
