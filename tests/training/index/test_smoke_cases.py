import base64
import json

import pytest

from lambda_app.model import Model
from lambda_app.photo.preprocessing import load_rgb
from lambda_app.release.manifest import IndexEntry, SmokeCase
from training.errors import IndexBuildError
from training.index.smoke_cases import replay


@pytest.fixture
def entry(trained):
    return IndexEntry.model_validate_json((trained.index / "index.json").read_bytes())


@pytest.fixture
def cases(trained):
    return [SmokeCase.model_validate(case) for case in json.loads((trained.index / "smoke.json").read_bytes())]


def test_cases_are_small_photos_of_categories_apart(cases, small_dataset):
    assert len(cases) == 5
    for case in cases:
        photo = base64.b64decode(case.photo)
        assert len(photo) < 20_000
        assert load_rgb(photo, small_dataset.preprocessing).shape == (32, 32, 3)
        assert case.category in small_dataset.categories
        assert case.neighbour in small_dataset.image_ids
        assert case.margin >= 0
        assert 0.9 < case.score <= 1.0001  # a catalogue photo, but for its JPEG, finds itself


def test_the_release_answers_its_own_cases(cases, small_dataset, trained, entry):
    replay(cases, small_dataset, trained.release, entry)


def test_a_wrong_category_is_named_where_it_is_clear(cases, small_dataset, trained, entry):
    model = Model(trained.model)
    assert model.classes == len(small_dataset.categories)
    other = next(name for name in small_dataset.categories if name != cases[0].category)
    spoilt = cases[0].model_copy(update={"category": other, "margin": 0.5})
    with pytest.raises(IndexBuildError, match=f"smoke case 1 is answered with .*, not '{other}'"):
        replay([spoilt], small_dataset, trained.release, entry)


def test_a_wrong_category_is_let_pass_where_it_was_never_clear(cases, small_dataset, trained, entry):
    other = next(name for name in small_dataset.categories if name != cases[0].category)
    replay([cases[0].model_copy(update={"category": other, "margin": 0.05})], small_dataset, trained.release, entry)


def test_a_wrong_neighbour_of_another_score_is_named(cases, small_dataset, trained, entry):
    spoilt = cases[1].model_copy(update={"neighbour": "no-such-image", "score": cases[1].score - 0.1})
    with pytest.raises(IndexBuildError, match=r"smoke case 1 finds .* not no-such-image"):
        replay([spoilt], small_dataset, trained.release, entry)
