from datetime import timedelta

import numpy as np
import pytest

from lambda_app.release.manifest import Manifest
from lambda_app.release.reference import encoded
from operate.drift.samples import comparable, distinct, of_answers, of_reference, unlike_below
from tests.lambda_app.release.test_manifest import read
from tests.operate.drift.photos import CATEGORIES, LAST, answer, reference


def test_a_photo_counts_once_a_day():
    again = [answer(LAST + timedelta(minutes=number), request_id=str(number)) for number in range(3)]
    tomorrow = answer(LAST + timedelta(days=1))
    assert distinct([*again, tomorrow]) == [again[0], tomorrow]


def test_photos_that_differ_in_any_field_are_different():
    found = [answer(), answer(cell=1), answer(category="Books"), answer(top_score=0.700001), answer(filtered=True)]
    assert distinct(found) == found


def test_photos_without_a_score_are_all_kept():
    found = [answer(top_score=None, request_id=str(number)) for number in range(3)]
    assert distinct(found) == found


def test_photos_of_the_catalogue_itself_are_left_out():
    assert distinct([answer(top_score=1.0), answer(top_score=0.99991)]) == []


def test_answers_are_grouped_by_day_and_filtered_ones_have_no_score():
    sample = of_answers(
        [
            answer(LAST, category="Books", cell=3, top_score=0.5),
            answer(LAST - timedelta(days=4), category="Gone", filtered=True),
            answer(LAST, top_score=None),
        ],
        CATEGORIES,
    )
    assert sample.group.tolist() == [1, 0, 1]
    assert sample.category.tolist() == [2, 4, 0]
    assert sample.cell.tolist() == [3, 0, 0]
    assert sample.score == pytest.approx([0.5, np.nan, np.nan], nan_ok=True)


def test_a_reference_is_grouped_by_product_and_only_known_products_have_a_score():
    made = reference(80, known=[1, 0] * 40)
    sample = of_reference(made)
    assert sample.group.tolist() == [number // 2 for number in range(80)]
    assert np.isnan(sample.score).tolist() == [False, True] * 40
    assert unlike_below(made) == pytest.approx(np.quantile(made.scores[::2], 0.01))


def test_with_few_known_products_all_photos_have_a_score():
    made = reference(80, known=[1] * 29 + [0] * 51)
    assert not np.isnan(of_reference(made).score).any()
    assert unlike_below(made) == pytest.approx(np.quantile(made.scores, 0.01))


def test_releases_are_comparable_if_network_and_centroids_are_the_same():
    def manifest(sha256: str = "0" * 64, **changes) -> Manifest:
        model = {"file": "model.onnx", "sha256": sha256, "bytes": 1, "embedding_dim": 16, "opset": 17}
        made = reference(**changes)
        return read(model=model, categories=list(CATEGORIES), reference=made.model_dump(mode="json"))

    live = manifest()
    other_centroids = {"centroids": encoded(np.eye(8, 16, k=1, dtype=np.float32))}
    assert comparable(manifest(seed=3), live)  # another catalogue
    assert not comparable(manifest("1" * 64), live)
    assert not comparable(manifest(**other_centroids), live)
    assert not comparable(live.model_copy(update={"reference": None}), live)
