from pathlib import Path

import numpy as np
import pytest

from lambda_app.api.messages.answers import embedding_answer, item_answer
from lambda_app.recommendation.analysis import Analysis
from lambda_app.release.catalog import CatalogItem
from lambda_app.store.folder import FolderStore


def test_floats_are_printed_with_the_digits_that_a_float32_holds():
    values = np.array([0.1, 1 / 3, -12.345678, 1e-20, 0.0], np.float32)
    answer = embedding_answer(Analysis(values, values, values))
    assert answer["features"] == answer["embedding"] == [0.1, 0.3333333, -12.34568, 1e-20, 0.0]


@pytest.mark.parametrize(
    ("image_id", "address"), [("0a1b", "/images/0a1b"), ("a/b c?#é", "/images/a%2Fb%20c%3F%23%C3%A9")]
)
def test_a_photos_address_is_percent_encoded(tmp_path: Path, image_id: str, address: str):
    item = CatalogItem(image_id, "p", "Sofas", None, None, None, "datasets/x/photos/a.jpg")
    assert item_answer(item, FolderStore(tmp_path), None)["photo"] == address


@pytest.mark.parametrize("currency", [None, "EUR"])
def test_the_currency_of_the_release_stands_beside_the_price(tmp_path, currency):
    item = CatalogItem("a", "p", "Home", None, 12.5, None, "datasets/shop/a.jpg")
    answer = item_answer(item, FolderStore(tmp_path), currency)
    assert (answer["price"], answer["currency"]) == (12.5, currency)
