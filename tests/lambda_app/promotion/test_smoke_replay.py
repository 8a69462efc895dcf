import base64
from typing import Any

import pytest

from lambda_app.promotion import smoke_replay
from lambda_app.recommendation.recommender import Recommender, load
from lambda_app.release.manifest import Manifest
from lambda_app.release.smoke import SmokeCase
from lambda_app.settings import Settings
from tests.lambda_app.conftest import BuiltRelease


@pytest.fixture(scope="module")
def recommender(built: BuiltRelease) -> Recommender:
    return load(built.manifest, lambda entry: built.folder / entry.file, Settings(store="unused", threads=1))


def changed(case: SmokeCase, **changes: Any) -> SmokeCase:
    return case.model_copy(update=changes)


def replay(recommender: Recommender, cases: list[SmokeCase], precision: str = "float32") -> list[str]:
    manifest = recommender.manifest
    model = manifest.model.model_copy(update={"precision": precision})
    return smoke_replay.replay(recommender, manifest.model_copy(update={"smoke": tuple(cases), "model": model}))


def wrong_category(case: SmokeCase, manifest: Manifest) -> str:
    return next(category for category in manifest.categories if category != case.category)


def test_a_sound_release_passes(recommender: Recommender):
    assert len(recommender.manifest.smoke) == 5
    assert smoke_replay.replay(recommender, recommender.manifest) == []
    assert replay(recommender, []) == []


@pytest.mark.parametrize(("margin", "failures"), [(0.11, 1), (0.1, 0)])
def test_a_category_must_match_where_its_margin_is_clear(recommender: Recommender, margin: float, failures: int):
    case = recommender.manifest.smoke[0]
    wrong = changed(case, category=wrong_category(case, recommender.manifest), margin=margin)
    found = replay(recommender, [wrong])
    assert len(found) == failures
    assert all("smoke case 1: category" in failure for failure in found)


def test_a_neighbour_may_stand_anywhere_in_the_first_three(recommender: Recommender):
    case = recommender.manifest.smoke[0]  # 000a finds itself first, 000b second
    assert replay(recommender, [changed(case, neighbour="000b", score=-1.0)]) == []


def test_a_neighbour_further_back_must_keep_its_score(recommender: Recommender):
    case = recommender.manifest.smoke[0]
    embedding = recommender.analyse(base64.b64decode(case.photo)).embedding
    score = recommender.cosine(embedding, "009a")
    assert replay(recommender, [changed(case, neighbour="009a", score=score + 0.019)]) == []
    failures = replay(recommender, [changed(case, neighbour="009a", score=score + 0.021)])
    assert len(failures) == 1
    assert "neighbour '009a' is not among the first 3" in failures[0]


def test_a_neighbour_that_the_catalog_lacks_fails(recommender: Recommender):
    case = changed(recommender.manifest.smoke[0], neighbour="gone")
    assert "has no item 'gone'" in replay(recommender, [case])[0]


def test_another_embedding_than_expected_fails(recommender: Recommender):
    case, other = recommender.manifest.smoke[:2]
    embedding = recommender.analyse(base64.b64decode(other.photo)).embedding
    (failure,) = replay(recommender, [case.expecting(embedding, "float32")])
    assert "smoke case 1: its embedding has cosine" in failure


@pytest.mark.parametrize("photo", ["not base64!", base64.b64encode(b"no photo").decode()])
def test_a_photo_that_cannot_be_read_fails(recommender: Recommender, photo: str):
    failures = replay(recommender, [changed(recommender.manifest.smoke[0], photo=photo)])
    assert "its photo cannot be read" in failures[0]


@pytest.mark.parametrize(
    ("precision", "cases", "wrong", "passes"),
    [
        ("float32", 5, 1, False),
        ("int8", 5, 1, True),
        ("int8", 5, 2, False),
        ("int8", 4, 1, False),
        ("int8", 10, 2, True),
    ],
)
def test_one_case_in_five_may_differ_in_int8(
    recommender: Recommender, precision: str, cases: int, wrong: int, passes: bool
):
    sound = (list(recommender.manifest.smoke) * 2)[:cases]
    bad = [changed(case, neighbour="gone") for case in sound[:wrong]]
    failures = replay(recommender, bad + sound[wrong:], precision)
    assert (failures == []) == passes
    assert len(failures) in (0, wrong)
