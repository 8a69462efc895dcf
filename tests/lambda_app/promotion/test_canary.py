import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lambda_app.errors import RefusedReleaseError
from lambda_app.photo.rules import WHOLE_PHOTO
from lambda_app.promotion.canary import check_answers, drawn_photos
from lambda_app.recommendation.analysis import Analysis
from lambda_app.recommendation.query import Match
from lambda_app.recommendation.recommender import Recommender, load
from lambda_app.settings import Settings
from tests.crafted import networks
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import build_release

SETTINGS = Settings(store="unused", threads=1)


def opened(folder: Path, built: BuiltRelease) -> Recommender:
    return load(built.manifest, lambda entry: folder / entry.file, SETTINGS)


def test_photos_are_drawn_alike_every_time_and_differ_from_each_other():
    first, again = drawn_photos(), drawn_photos()
    assert first == again
    photos = [Image.open(io.BytesIO(data)) for data in first]
    assert [(photo.format, photo.size) for photo in photos] == [
        ("JPEG", (640, 480)),
        ("PNG", (300, 500)),
        ("WEBP", (224, 224)),
    ]
    assert len({photo.convert("RGB").resize((1, 1)).getpixel((0, 0)) for photo in photos}) == 3


@pytest.mark.parametrize("max_k", [1, 4, 100])
def test_a_sound_release_answers(built: BuiltRelease, max_k: int):
    check_answers(opened(built.folder, built), max_k)


@pytest.mark.parametrize("products", [1, 2])
def test_a_tiny_catalog_answers(tmp_path: Path, products: int):
    manifest = build_release(tmp_path, products=products)
    check_answers(opened(tmp_path, BuiltRelease(tmp_path, manifest)), 4)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (networks.nan_embedding, "does not answer drawn photo 1: .*not finite"),
        (networks.long_embedding, "answers drawn photo 1 wrongly: its embedding has length 100.000"),
        (networks.zero_embedding, "its embedding has length 0.000"),
    ],
)
def test_a_network_with_impossible_outputs_is_refused(
    tmp_path: Path, built: BuiltRelease, write: Callable[[Path], None], says: str
):
    for name in ("index.faiss", "catalog.sqlite"):
        (tmp_path / name).symlink_to(built.folder / name)
    write(tmp_path / "model.onnx")
    with pytest.raises(RefusedReleaseError, match=says):
        check_answers(opened(tmp_path, built), 4)


class Wrong(Recommender):
    """A release whose answers a test spoils."""

    spoil: Callable[[list[Match]], list[Match]] = staticmethod(lambda found: found)
    spoil_similar: Callable[[list[Match]], list[Match]] = staticmethod(lambda found: found)
    probability = 0.0

    def analyse(self, photo, timings=None, memory=None, part=WHOLE_PHOTO) -> Analysis:
        found = super().analyse(photo, timings, memory, part)
        return replace(found, probabilities=found.probabilities + np.float32(self.probability))

    def similar(self, embedding, query, timings=None, probabilities=None) -> list[Match]:
        return self.spoil(super().similar(embedding, query, timings, probabilities))

    def similar_to(self, image_id, query, timings=None) -> list[Match]:
        return self.spoil_similar([*super().similar_to(image_id, query, timings)])


def scored(score: float) -> Callable[[list[Match]], list[Match]]:
    return lambda found: [replace(match, score=score) for match in found]


@pytest.mark.parametrize(
    ("attribute", "value", "says"),
    [
        ("probability", float("nan"), "its probabilities are not finite"),
        ("spoil", lambda found: found[:-1], "finds 3 photos instead of 4"),
        ("spoil", scored(1.01), r"has score 1\.01; a cosine is between -1\.001 and 1\.001"),
        ("spoil", scored(float("nan")), "has score nan"),
        ("spoil_similar", scored(-1.01), r"has score -1\.01"),
        (
            "spoil",
            lambda found: [replace(match, item=replace(match.item, title="other")) for match in found],
            "is another when it is looked up",
        ),
        (
            "spoil",
            lambda found: [replace(match, item=replace(match.item, category="None")) for match in found],
            "which does not pass it",
        ),
    ],
)
def test_a_wrong_answer_is_refused(built: BuiltRelease, attribute: str, value: object, says: str):
    wrong = opened(built.folder, built)
    wrong.__class__ = Wrong
    setattr(wrong, attribute, value)
    with pytest.raises(RefusedReleaseError, match=says):
        check_answers(wrong, 4)


def test_an_item_that_is_similar_to_itself_is_refused(built: BuiltRelease):
    wrong = opened(built.folder, built)
    nearest: list[Match] = []

    def remember(found: list[Match]) -> list[Match]:
        nearest[:] = nearest or found[:1]
        return found

    wrong.__class__ = Wrong
    wrong.spoil = remember  # type: ignore[attr-defined]
    wrong.spoil_similar = lambda found: [*found, *nearest]  # type: ignore[attr-defined]
    with pytest.raises(RefusedReleaseError, match="is among the items similar to it"):
        check_answers(wrong, 4)


def test_a_filter_that_finds_nothing_is_refused(built: BuiltRelease):
    wrong = opened(built.folder, built)
    calls: list[int] = []

    def lose(found: list[Match]) -> list[Match]:
        calls.append(1)
        return found if len(calls) <= 3 else []  # without a filter twice, by the predicted category, then by its own

    wrong.__class__ = Wrong
    wrong.spoil = lose  # type: ignore[attr-defined]
    with pytest.raises(RefusedReleaseError, match=r"finds nothing, although '.*' passes it"):
        check_answers(wrong, 4)
