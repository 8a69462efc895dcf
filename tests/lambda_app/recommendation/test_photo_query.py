import io
from contextlib import closing

import pytest
from PIL import Image, ImageOps

from lambda_app.recommendation.analysis import fused
from lambda_app.recommendation.photo_query import similar_to_photo
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.recommendation.recommender import load
from lambda_app.release.catalog import CatalogFilter
from lambda_app.settings import Settings
from lambda_app.store.blocked import BlockedItems
from lambda_app.telemetry.timings import Timings
from tests.releases import build_release, encode

SETTINGS = Settings(store="unused", threads=1)
COPIES = {
    "turned": lambda photo: photo.transpose(Image.Transpose.ROTATE_90),
    "upside down": lambda photo: photo.transpose(Image.Transpose.ROTATE_180),
    "turned and mirrored": lambda photo: photo.transpose(Image.Transpose.TRANSPOSE),
    "mirrored": ImageOps.mirror,
    "grey": lambda photo: photo.convert("L").convert("RGB"),
    "turned and grey": lambda photo: photo.transpose(Image.Transpose.ROTATE_270).convert("L").convert("RGB"),
    "untouched": lambda photo: photo,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("copies")


@pytest.fixture(scope="module")
def manifest(folder):
    return build_release(folder, printed=True)


@pytest.fixture(scope="module")
def release(folder, manifest):
    with closing(load(manifest, lambda entry: folder / entry.file, SETTINGS)) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def photo(folder):
    return Image.open(io.BytesIO((folder / "photos" / "003a.jpg").read_bytes())).convert("RGB")


def results(release, photos, query=None, alone=True):
    analysis = fused([release.analyse(encode(photo)) for photo in photos])
    return similar_to_photo(release, analysis, query or SimilarQuery(5, distinct="image"), Timings(), alone=alone)


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES.keys())
def test_a_copy_of_a_listed_photo_finds_it_first(release, photo, change):
    matches = results(release, [change(photo)])
    assert matches[0].item.image_id == "003a"
    assert matches[0].same_photo is True


def test_the_results_of_a_turned_copy_are_those_of_its_listing(release, photo):
    turned = results(release, [photo.transpose(Image.Transpose.ROTATE_90)])
    listed = release.similar_to("003a", SimilarQuery(4, distinct="image", rank="cosine"))
    by_cosine = SimilarQuery(5, distinct="image", rank="cosine")
    again = results(release, [photo.transpose(Image.Transpose.ROTATE_90)], by_cosine)
    assert [match.item.image_id for match in again[1:]] == [match.item.image_id for match in listed]
    assert turned[0].score == pytest.approx(1, abs=1e-3)


def test_a_filter_that_its_listing_does_not_pass_still_shows_what_is_like_it(release, photo, manifest):
    own = release.item("003a").category
    other = next(name for name in manifest.categories if name != own)
    query = SimilarQuery(3, where=CatalogFilter(category=other), distinct="image")
    matches = results(release, [photo.transpose(Image.Transpose.ROTATE_90)], query)
    assert {match.item.category for match in matches} == {other}
    assert "003a" not in [match.item.image_id for match in matches]


def test_a_blocked_listing_is_not_found_by_its_copy(release, photo):
    hidden = release.without(BlockedItems(image_ids=("003a",)))
    matches = results(hidden, [photo.transpose(Image.Transpose.ROTATE_90)])
    assert "003a" not in [match.item.image_id for match in matches]


def test_several_photos_are_not_taken_for_a_copy(release, photo):
    turned = photo.transpose(Image.Transpose.ROTATE_90)
    analysis = fused([release.analyse(encode(turned))] * 2)
    expected = release.similar(analysis.embedding, SimilarQuery(5, distinct="image"), None, analysis.probabilities)
    found = results(release, [turned, turned], alone=False)
    assert [match.row for match in found] == [match.row for match in expected]


def test_a_photo_that_is_not_listed_is_answered_as_before(release):
    other = Image.effect_mandelbrot((64, 64), (-2, -1.5, 1, 1.5), 60).convert("RGB")
    analysis = release.analyse(encode(other))
    expected = release.similar(analysis.embedding, SimilarQuery(5), None, analysis.probabilities)
    assert [match.row for match in results(release, [other], SimilarQuery(5))] == [match.row for match in expected]


def test_duplicates_name_the_listing_of_a_turned_copy(release, photo):
    analysis = release.analyse(encode(photo.transpose(Image.Transpose.ROTATE_90)))
    matches = release.same.duplicates(analysis.embedding, analysis.views, 10)
    assert matches[0].item.image_id == "003a"
