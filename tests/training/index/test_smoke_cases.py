import base64
import json

import numpy as np
import pytest

from lambda_app.errors import IndexBuildError
from lambda_app.model.session import Model, ModelOutput
from lambda_app.photo.preprocessing import load_rgb, normalise
from lambda_app.release.manifest import IndexEntry
from lambda_app.release.smoke import SmokeCase
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.vectors import softmax
from training.index.smoke_cases import choose_cases, replay


@pytest.fixture
def entry(trained):
    return IndexEntry.model_validate_json((trained.index / "index.json").read_bytes())


@pytest.fixture
def cases(trained):
    return [SmokeCase.model_validate(case) for case in json.loads((trained.index / "smoke.json").read_bytes())]


def test_cases_are_small_photos_of_different_categories(cases, small_dataset):
    assert len(cases) == 5
    for case in cases:
        photo = base64.b64decode(case.photo)
        assert len(photo) < 20_000
        assert load_rgb(photo, small_dataset.preprocessing).shape == (32, 32, 3)
        assert case.category in small_dataset.categories
        assert case.neighbour in small_dataset.image_ids
        assert case.margin >= 0
        # A catalogue photo finds itself, apart from the new JPEG compression, which moves the edge of its letterbox.
        assert 0.5 < case.score <= 1.0001


def test_the_release_passes_its_own_cases(cases, small_dataset, trained, entry):
    replay(cases, small_dataset, trained.release, entry)


def test_a_wrong_category_is_reported_if_the_margin_is_large(cases, small_dataset, trained, entry):
    model = Model(trained.model)
    assert model.classes == len(small_dataset.categories)
    other = next(name for name in small_dataset.categories if name != cases[0].category)
    spoilt = cases[0].model_copy(update={"category": other, "margin": 0.5})
    with pytest.raises(IndexBuildError, match=f"smoke case 1: category .* instead of '{other}'"):
        replay([spoilt], small_dataset, trained.release, entry)


def test_a_wrong_category_is_accepted_if_the_margin_is_small(cases, small_dataset, trained, entry):
    other = next(name for name in small_dataset.categories if name != cases[0].category)
    replay([cases[0].model_copy(update={"category": other, "margin": 0.05})], small_dataset, trained.release, entry)


@pytest.fixture
def furthest(cases, small_dataset, trained):
    """The image least similar to the photo of the first case, and its cosine."""
    pixels = load_rgb(base64.b64decode(cases[0].photo), small_dataset.preprocessing)
    answer = Model(trained.model).run(normalise(pixels[np.newaxis], small_dataset.preprocessing))
    cosines = np.load(trained.index / "embeddings.npy") @ answer.embedding[0]
    return small_dataset.image_ids[int(cosines.argmin())], float(cosines.min())


def test_a_neighbour_of_lower_rank_passes_with_its_own_score(cases, furthest, small_dataset, trained, entry):
    name, score = furthest
    assert score < cases[0].score - 0.1  # the score of the first neighbour differs
    replay(
        [cases[0].model_copy(update={"neighbour": name, "score": score + 0.01})], small_dataset, trained.release, entry
    )


def test_a_neighbour_of_lower_rank_is_not_compared_with_the_score_of_the_first(
    cases, furthest, small_dataset, trained, entry
):
    spoilt = cases[0].model_copy(update={"neighbour": furthest[0]})
    with pytest.raises(IndexBuildError, match=f"smoke case 1: neighbour '{furthest[0]}' is not among the first 3"):
        replay([spoilt], small_dataset, trained.release, entry)


def test_a_neighbour_missing_from_the_release_is_reported(cases, small_dataset, trained, entry):
    spoilt = cases[1].model_copy(update={"neighbour": "no-such-image"})
    with pytest.raises(IndexBuildError, match="smoke case 1: the release has no item 'no-such-image'"):
        replay([spoilt], small_dataset, trained.release, entry)


def found_names(case, trained, entry, dataset):
    """The image ids that the release finds for a case's photo, best first."""
    pixels = load_rgb(base64.b64decode(case.photo), dataset.preprocessing)
    answer = Model(trained.model).run(normalise(pixels[np.newaxis], dataset.preprocessing))
    rows = VectorIndex(trained.release / "index.faiss", entry).search(answer.embedding, 4).rows[0]
    return [dataset.image_ids[row] for row in rows]


def test_the_expected_neighbour_may_be_among_the_first_three_whatever_its_score(cases, small_dataset, trained, entry):
    names = found_names(cases[0], trained, entry, small_dataset)
    for name in names[:3]:
        replay([cases[0].model_copy(update={"neighbour": name, "score": -1.0})], small_dataset, trained.release, entry)
    fourth = cases[0].model_copy(update={"neighbour": names[3], "score": -1.0})
    with pytest.raises(IndexBuildError, match=r"smoke case 1: neighbour .* is not among the first 3"):
        replay([fourth], small_dataset, trained.release, entry)


def test_each_case_is_the_clearest_test_photo_of_its_category_and_carries_its_margin(trained, small_dataset):
    logits, embeddings = (np.load(trained.index / name) for name in ("logits.npy", "embeddings.npy"))
    model, tested = Model(trained.model), small_dataset.rows("test").tolist()
    for case in choose_cases(small_dataset, model, ModelOutput(logits, embeddings), 2.0, "int8"):
        photo = load_rgb(base64.b64decode(case.photo), small_dataset.preprocessing)
        row = np.abs(small_dataset.photos.astype(np.int64) - photo).sum(axis=(1, 2, 3)).argmin()
        own = np.flatnonzero(small_dataset.category == small_dataset.category[row]).tolist()
        candidates = [other for other in own if other in tested] or own

        def gap(candidate):
            """How far the logit of the photo's category is above the best of the others."""
            others = logits[candidate].tolist()
            return others.pop(small_dataset.category[candidate]) - max(others)

        assert row == max(candidates, key=gap)
        answer = model.run(normalise(photo[np.newaxis], small_dataset.preprocessing))
        first, second = np.sort(softmax(answer.logits, 2.0)[0])[:-3:-1]
        assert case.margin == pytest.approx(first - second, abs=1e-6)
