from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image, ImageOps

from lambda_app.api.app import create_app
from lambda_app.api.messages import schemas
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.releases import build_release, encode, publish_directly


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("printed")
    build_release(folder, printed=True)
    return folder


@pytest.fixture(scope="module")
def api(folder: Path, tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    store = FolderStore(root)
    publish_directly(store, folder, build_release(folder, printed=True))
    with TestClient(create_app(Settings(store=str(root), threads=1), store)) as client:
        yield client


@pytest.fixture(scope="module")
def turned(folder: Path) -> bytes:
    return encode(ImageOps.mirror(Image.open(folder / "photos" / "003a.jpg").convert("RGB")))


def test_the_listings_with_the_same_photo_are_answered(api, turned):
    found = api.post("/predict/duplicates", files={"file": turned})
    assert found.status_code == 200
    answer = schemas.SimilarAnswer.model_validate(found.json())
    assert answer.image_labels[0] == "003a"
    assert all(result.same_photo for result in answer.results)
    assert len(api.post("/predict/duplicates?k=1", files={"file": turned}).json()["results"]) == 1


def test_a_new_photo_is_not_listed(api):
    photo = Image.effect_mandelbrot((64, 64), (-2, -1.5, 1, 1.5), 60).convert("RGB")
    assert api.post("/predict/duplicates", content=encode(photo), headers={"content-type": "image/jpeg"}).json() == {
        "similar_index": [],
        "image_labels": [],
        "results": [],
    }


def test_results_of_a_photo_are_marked_and_those_without_a_photo_are_not(api, folder):
    smaller = encode(Image.open(folder / "photos" / "003a.jpg").convert("RGB").resize((48, 48)))
    both = [
        api.post(route, files={"file": smaller}).json()["results"] for route in ("/predict", "/predict/similar_images")
    ]
    both.append(api.post("/predict/batch", files={"files": smaller}).json()["entries"][0]["prediction"]["results"])
    for results in both:
        same = {result["image_id"]: result["same_photo"] for result in results}
        product = {same.pop(name) for name in ("003a", "003b") if name in same}
        assert product == {True}
        assert set(same.values()) == {False}
    assert {result["same_photo"] for result in api.get("/items/003a/similar").json()["results"]} == {None}
    assert api.get("/release").json()["same_photo"] is True


@pytest.mark.parametrize(
    ("address", "content", "status", "detail"),
    [
        ("/predict/duplicates?k=0", None, 422, "k is 0"),
        ("/predict/duplicates?box=0,0,2,1", None, 422, "box is"),
        ("/predict/duplicates", b"no photo", 415, "not a JPEG"),
    ],
)
def test_errors_are_those_of_the_other_routes(api, turned, address, content, status, detail):
    found = api.post(address, files={"file": content or turned})
    assert found.status_code == status
    assert found.headers["content-type"] == "application/problem+json"
    assert detail in found.json()["detail"]


def test_an_older_release_answers_501(client: TestClient, photo: bytes):
    found = client.post("/predict/duplicates", files={"file": photo})
    assert found.status_code == 501
    assert "made without fingerprints" in found.json()["detail"]
    assert client.get("/release").json()["same_photo"] is False
