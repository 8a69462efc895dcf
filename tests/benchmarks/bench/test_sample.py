"""Tests of `benchmarks.bench.sample`."""

import csv

import pytest
from PIL import Image

from benchmarks.bench.sample import measure
from sample.generate import generate


@pytest.mark.slow
def test_the_measures_of_a_small_catalogue_are_between_0_and_1(tmp_path):
    generate(tmp_path / "catalogue", photos=60, workers=1)
    figures = measure(tmp_path / "catalogue")
    assert (figures["photos"], figures["products"]) == (60, 31)
    assert all(0 <= figures[key] <= 1 for key in ("pixel_accuracy", "colour_recall", "shared_colours"))


@pytest.fixture
def easy(tmp_path):
    """Twelve products of two categories: each product has its own colour and two equal photos."""
    rows = []
    (tmp_path / "photos").mkdir()
    for number in range(24):
        product = number // 2
        colour = (21 * product, 255 - 21 * product, 0 if product % 2 else 255)
        Image.new("RGB", (40, 30), colour).save(tmp_path / "photos" / f"{number}.jpg", quality=95)
        rows.append((number, product, "odd" if product % 2 else "even", f"palette {product // 4}"))
    with (tmp_path / "truth.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image_id", "product_id", "category", "palette"), *rows])
    return tmp_path


def test_an_easy_catalogue_gets_the_highest_figures(easy):
    figures = measure(easy)
    assert figures["pixel_accuracy"] == 1.0
    assert figures["colour_recall"] == 1.0
    assert figures["shared_colours"] == 1.0
