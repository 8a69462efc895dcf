import numpy as np
import pytest

from training.evaluate.report.cases import Case, Gallery, Mistake
from training.evaluate.report.photos import Shelf, cases_section, mistakes_section


@pytest.fixture(scope="module")
def pair(small_dataset):
    """Two photos of one product."""
    codes, counts = np.unique(small_dataset.product, return_counts=True)
    return np.flatnonzero(small_dataset.product == codes[counts == 2][0])


@pytest.fixture(scope="module")
def case(small_dataset, pair):
    """A query that finds its category first, its product second, and then another category."""
    categories = small_dataset.category
    same = np.flatnonzero(
        (categories == categories[pair[0]]) & (small_dataset.product != small_dataset.product[pair[0]])
    )
    other = np.flatnonzero(categories != categories[pair[0]])
    return Case(int(pair[0]), int(pair[1]), 2, 0.8, (int(same[0]), int(pair[1]), int(other[0])), (0.9, 0.8, 0.7))


def test_neighbours_are_marked_by_what_they_share_with_the_query(small_dataset, case):
    shelf = Shelf(small_dataset, Gallery((case,), (), (), ()))
    section = cases_section(shelf, "Worst", "why", [case])
    kinds = [part.partition('"')[0] for part in section.split('<figure class="')[1:]]
    assert kinds == ["query", "mate", "near", "right", "wrong"]
    for shown in ("1. ≈ 0.900", "2. ✓ 0.800", "3. ✗ 0.700", "neighbour 2, cosine 0.800", "<h3>Worst</h3>"):
        assert shown in section


def test_without_a_second_photo_of_the_product_the_category_is_what_is_right(small_dataset, case):
    alone = Case(case.query, None, None, None, (case.neighbours[0], case.neighbours[2]), (0.9, 0.7))
    shelf = Shelf(small_dataset, Gallery((), (alone,), (), ()))
    section = cases_section(shelf, "Best", "why", [alone])
    assert "1. ✓ 0.900" in section
    assert "2. ✗ 0.700" in section
    assert "same product" not in section


def test_no_case_makes_no_heading(small_dataset):
    assert cases_section(Shelf(small_dataset, Gallery((), (), (), ())), "Worst", "why", []) == ""


def test_a_mistake_names_both_categories(small_dataset):
    row = int(small_dataset.rows("test")[0])
    told = (int(small_dataset.category[row]) + 1) % len(small_dataset.categories)
    mistake = Mistake(row, told, 0.875)
    shelf = Shelf(small_dataset, Gallery((), (), (), (mistake,)))
    section = mistakes_section(shelf, [mistake], ["told"] * len(small_dataset.categories))
    assert "88 % told" in section
    assert "is " + shelf.category(row).replace("&", "&amp;") in section
