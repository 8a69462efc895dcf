import io
import re

import numpy as np
import pytest
from PIL import Image

from training.evaluate.report.cases import Case, Gallery, Mistake
from training.evaluate.report.photos import GalleryPhotos, small_jpeg
from training.evaluate.report.rendering import render


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


def neighbours(worst=(), best=(), drawn=(), paired=True):
    """The section as HTML."""
    return render("neighbours.html.jinja", cases={"worst": worst, "best": best, "drawn": drawn}, paired=paired)


def test_neighbours_have_what_they_share_with_the_query(small_dataset, case):
    (shown,) = GalleryPhotos(small_dataset, Gallery((case,), (), (), ())).cases([case])
    assert [found.shares for found in shown.neighbours] == ["category", "product", "nothing"]
    assert [found.score for found in shown.neighbours] == [0.9, 0.8, 0.7]
    assert (shown.mate_rank, shown.mate_score) == (2, 0.8)
    assert shown.mate == shown.neighbours[1].photo
    assert shown.query.product_id == shown.mate.product_id


def test_neighbours_are_marked_by_what_they_share_with_the_query(small_dataset, case):
    photos = GalleryPhotos(small_dataset, Gallery((case,), (), (), ()))
    section = neighbours(worst=photos.cases([case]))
    assert re.findall('<figure class="photo ([^"]*)"', section) == ["query", "mate", "near", "right", "wrong"]
    for shown in ("1. ≈ 0.900", "2. ✓ 0.800", "3. ✗ 0.700", "neighbour 2, with a cosine of 0.800", "<h3>Worst</h3>"):
        assert shown in section


def test_without_a_second_photo_of_the_product_the_category_counts_as_correct(small_dataset, case):
    alone = Case(case.query, None, None, None, (case.neighbours[0], case.neighbours[2]), (0.9, 0.7))
    photos = GalleryPhotos(small_dataset, Gallery((), (alone,), (), ()))
    section = neighbours(best=photos.cases([alone]), paired=False)
    assert "1. ✓ 0.900" in section
    assert "2. ✗ 0.700" in section
    assert "same product" not in section


def test_an_empty_list_of_cases_has_no_heading():
    assert "<h3>" not in neighbours()


def test_a_mistake_names_both_categories(small_dataset):
    row = int(small_dataset.rows("test")[0])
    predicted = (int(small_dataset.category[row]) + 1) % len(small_dataset.categories)
    mistake = Mistake(row, predicted, 0.875)
    (shown,) = GalleryPhotos(small_dataset, Gallery((), (), (), (mistake,))).mistakes([mistake])
    assert shown.photo.category == small_dataset.categories[small_dataset.category[row]]
    assert (shown.predicted, shown.probability) == (small_dataset.categories[predicted], 0.875)
    assert shown.photo.split == "test"


def test_a_photo_is_shown_small():
    with Image.open(io.BytesIO(small_jpeg(np.full((500, 400, 3), 90, np.uint8)))) as image:
        assert image.format == "JPEG"
        assert max(image.size) == 160
