import io
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageOps

from lambda_app.errors import NotSupportedError
from lambda_app.recommendation.analysis import fused
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.recommendation.recommender import Recommender, load
from lambda_app.release.manifest import Manifest
from lambda_app.settings import Settings
from lambda_app.store.blocked import BlockedItems
from tests.releases import build_release, encode

SETTINGS = Settings(store="unused", threads=1)


def opened(folder: Path, manifest: Manifest) -> Recommender:
    return load(manifest, lambda entry: folder / entry.file, SETTINGS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("printed")


@pytest.fixture(scope="module")
def manifest(folder):
    return build_release(folder, printed=True)


@pytest.fixture(scope="module")
def release(folder, manifest):
    with closing(opened(folder, manifest)) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def photo(folder):
    return Image.open(io.BytesIO((folder / "photos" / "003a.jpg").read_bytes())).convert("RGB")


def asked(release, *photos):
    return fused([release.analyse(encode(photo)) for photo in photos])


def marked(release, photo, k=20):
    found = asked(release, photo)
    matches = release.similar(found.embedding, SimilarQuery(k, distinct="image"), None, found.probabilities)
    return {match.item.image_id: match.same_photo for match in release.same.marked(matches, found.views)}


def test_a_result_says_whether_it_shows_the_same_photo(release, photo):
    found = marked(release, ImageEnhance.Brightness(photo).enhance(0.8))
    assert found.pop("003a") is True
    others = {name: same for name, same in found.items() if name != "003b"}
    assert others
    assert set(others.values()) == {False}


def test_the_listings_with_the_same_photo_are_found_the_most_alike_first(release, photo):
    found = asked(release, ImageOps.mirror(photo))
    matches = release.same.duplicates(found.embedding, found.views, 10)
    assert matches[0].item.image_id == "003a"
    assert {match.item.product_id for match in matches} == {matches[0].item.product_id}
    assert all(match.same_photo for match in matches)
    assert matches[0].score == pytest.approx(release.cosine(found.embedding, "003a"), abs=1e-4)
    assert len(release.same.duplicates(found.embedding, found.views, 1)) == 1


def test_a_photo_that_is_not_listed_has_no_duplicates(release):
    found = asked(release, Image.effect_mandelbrot((64, 64), (-2, -1.5, 1, 1.5), 60).convert("RGB"))
    assert release.same.duplicates(found.embedding, found.views, 10) == []


def test_of_several_photos_each_may_be_listed(release, folder, photo):
    other = Image.open(folder / "photos" / "007a.jpg").convert("RGB")
    found = asked(release, photo, other)
    assert {"003a", "007a"} <= {
        match.item.image_id for match in release.same.duplicates(found.embedding, found.views, 10)
    }


def test_blocked_items_are_no_duplicates(release, photo):
    found = asked(release, photo)
    hidden = release.without(BlockedItems(image_ids=("003a",)))
    assert "003a" not in [m.item.image_id for m in hidden.same.duplicates(found.embedding, found.views, 10)]


def test_nothing_is_a_duplicate_if_all_items_are_blocked(release, photo):
    hidden = release.without(BlockedItems(product_ids=tuple(f"product-{number:03}" for number in range(20))))
    found = asked(release, photo)
    assert hidden.same.duplicates(found.embedding, found.views, 5) == []


@pytest.mark.parametrize("same_photo", [None, {"version": 1, "threshold": 0.2}])
def test_a_release_without_a_threshold_for_these_fingerprints_cannot_tell(folder, manifest, photo, same_photo):
    fields = manifest.model_dump() | {"same_photo": same_photo}
    with closing(opened(folder, Manifest.model_validate(fields))) as release:
        found = asked(release, photo)
        assert found.views == ()
        assert set(marked(release, photo).values()) == {None}
        with pytest.raises(NotSupportedError, match="made without fingerprints of its photos"):
            release.same.duplicates(found.embedding, found.views, 10)


def test_a_catalog_without_fingerprints_cannot_tell(tmp_path, photo):
    manifest = build_release(tmp_path, same_photo={"version": 2, "threshold": 0.2})
    with closing(opened(tmp_path, manifest)) as release:
        found = asked(release, photo)
        assert set(marked(release, photo).values()) == {None}
        with pytest.raises(NotSupportedError):
            release.same.require()
        with pytest.raises(NotSupportedError):
            replace(release.same).duplicates(found.embedding, found.views, 10)
