import pytest

from training.prepare.intake.fields.categories import CategoryColumn
from training.prepare.intake.fields.text import text_or_none


def roots(cells, **about):
    column = CategoryColumn(**about)
    texts = [text_or_none(cell) for cell in cells]
    for text in filter(None, texts):
        column.observe(text)
    column.decide()
    return [text and column.root(text) for text in texts], column


@pytest.mark.parametrize(
    ("cell", "root"),
    [
        ("Home & Garden / Garden & Patio / Other", "Home & Garden"),
        ("Home & Garden", "Home & Garden"),
        ("  Home &\u00a0 Garden / Other ", "Home & Garden"),
        ("Home &amp; Garden / Other", "Home & Garden"),
        ("Phones, Mobile Phones & Telecoms / Phones", "Phones, Mobile Phones & Telecoms"),
        ("TV/Video / Sets", "TV/Video"),
        ("N/A", None),
        ("N/A / Other", None),
        ("nan", None),
        (" / Other", None),
        ("/", None),
        ("", None),
    ],
)
def test_the_root_of_a_category_path_is_the_label(cell, root):
    assert roots([cell, "Home / Sofas"])[0][0] == root


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["Apparel > Shoes", "Home>Sofas"], ["Apparel", "Home"]),
        (["Apparel|Shoes", "Home | Sofas"], ["Apparel", "Home"]),
        (["Baby / Toddler > Toys", "Home > Sofas"], ["Baby / Toddler", "Home"]),
        (["Apparel &gt; Shoes", "Home"], ["Apparel", "Home"]),
        (["Food, Beverages & Tobacco > Food", "Home"], ["Food, Beverages & Tobacco", "Home"]),
        (["A > B | C > D", "A > C; C"], ["A", "A"]),
        (["A; B", "C"], ["A", "C"]),
        (["['A', 'B']", '["C"]'], ["A", "C"]),
        (["A » B", "C › D » E"], ["A", "C › D"]),
        (["TV/Video", "Men/Women", "A/C Units"], ["TV/Video", "Men/Women", "A/C Units"]),
    ],
)
def test_the_column_decides_what_separates(cells, expected):
    assert roots(cells)[0] == expected


def test_a_list_with_commas_gives_its_first_path():
    cells = ["Clothing > Shirts, Clothing > Sale", "Sale, Clothing", r"Bags\, Belts, Sale"]
    assert roots(cells, lists=True)[0] == ["Clothing", "Sale", "Bags, Belts"]


def test_a_given_separator_is_the_only_one():
    assert roots(["A/B > C", "D / E"], separator="/")[0] == ["A", "D"]


def test_bare_slashes_that_look_like_paths_are_said():
    (names, column) = roots(["Home/Sofas", "Home/Lamps", "Home/Beds", "Home/Rugs"])
    assert names[0] == "Home/Sofas"
    (warning,) = column.warnings()
    assert "--category-separator /" in warning
    assert roots(["/Home/Sofas", "/Home/Lamps", "/Kids/Beds", "/Kids/Rugs"])[1].warnings()
    assert roots(["TV/Video", "Men/Women", "A/C Units", "TV/Audio"])[1].warnings() == []
