import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.api.messages import schemas
from lambda_app.release.catalog import CatalogItem, write_catalog
from lambda_app.release.manifest import Manifest, file_entry
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import CATEGORIES, build_release, publish_directly


def test_an_item_is_as_documented(client: TestClient):
    answer = client.get("/items/018a")
    assert schemas.Item.model_validate(answer.json()).price is None
    assert answer.json()["title"] == "Listing 18"
    assert answer.json()["description"] is None
    assert client.get("/items/003a").json()["description"] == "Solid oak, hardly used"


def test_results_carry_no_description(client: TestClient):
    found = client.get("/search", params={"q": "oak", "k": 40}).json()["results"]
    assert [int(result["image_id"][:3]) % 2 for result in found] == [1] * 10
    similar = client.get("/items/003a/similar").json()["results"]
    assert ["description" for result in [*found, *similar] if "description" in result] == []


@pytest.mark.parametrize("route", ["/items/{}", "/items/{}/similar", "/images/{}"])
@pytest.mark.parametrize("image_id", ["nothing", "..%2F..%2Fetc%2Fpasswd", "%00", "%ff", "x" * 5000, "'%20OR%201=1"])
def test_an_unknown_item_is_not_found(client: TestClient, route: str, image_id: str):
    answer = client.get(route.format(image_id))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "has no item" in answer.json()["detail"]
    assert len(answer.json()["detail"]) < 200


def test_similar_items_are_as_documented_and_leave_the_item_out(client: TestClient):
    answer = client.get("/items/003a/similar?distinct=image&k=39")
    similar = schemas.SimilarAnswer.model_validate(answer.json())
    assert similar.image_labels[0] == "003b"
    assert "003a" not in similar.image_labels
    assert [part.partition(";")[0] for part in answer.headers["server-timing"].split(", ")] == ["search", "total"]


def test_a_search_by_words_is_as_documented(client: TestClient):
    answer = client.get("/search", params={"q": "LISTING 3", "k": 10, "distinct": "image"})
    found = schemas.SearchAnswer.model_validate(answer.json())
    assert found.image_labels == ["003a", "003b"]
    assert [result["score"] for result in answer.json()["results"]] == [None, None]
    assert answer.json()["similar_index"] == [6, 7]
    assert [part.partition(";")[0] for part in answer.headers["server-timing"].split(", ")] == ["search", "total"]


def test_words_can_be_searched_with_filters(client: TestClient):
    def labels(**asked: int | str) -> list[str]:
        return list(client.get("/search", params={"q": "listing", **asked}).json()["image_labels"])

    assert len(labels()) == 4
    assert labels(k=9, max_price=30) == ["000a", "001a", "002a"]
    assert labels(k=2, category=CATEGORIES[3]) == ["003a", "016a"]
    assert labels(k=9, category=CATEGORIES[3], distinct="image") == ["003a", "003b", "016a", "016b"]
    assert labels(max_price=1) == []
    assert labels(q="zebra") == []


@pytest.mark.parametrize(
    "words",
    [
        '"listing" AND 3*',
        "x OR (listing",
        "NEAR(listing, 2",
        "listing\0",
        "\ud83d listing",
        "listing' --",
        "沙 %listing",
    ],
)
def test_words_are_no_language(client: TestClient, words: str):
    answer = client.get("/search", params={"q": words.encode("utf-8", "surrogatepass")})
    assert answer.status_code == 200
    assert all("Listing" in result["title"] for result in answer.json()["results"])
    assert answer.json()["results"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "q is"),
        ("q=", "q is empty; it takes words, of 1 to 200 characters"),
        ("q=+", "q is ' '; it takes at least one letter or digit"),
        ("q=%F0%9F%98%80%F0%9F%98%80", "it takes at least one letter or digit"),
        ("q=%00", "it takes at least one letter or digit"),
        ("q=%FF%FE", "it takes at least one letter or digit"),
        (f"q={'x' * 201}", "q has 201 characters; it takes up to 200"),
        ("q=listing&k=0", "k is 0; it takes 1 to 100"),
        ("q=listing&category=Boats", "'Boats' is unknown"),
        ("q=listing&min_price=2&max_price=1", "min_price 2.0 is above max_price 1.0"),
    ],
)
def test_words_out_of_range_are_named(client: TestClient, query: str, says: str):
    answer = client.get(f"/search?{query}")
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_words_move_similar_items_up(client: TestClient):
    without = client.get("/items/003a/similar?k=40&distinct=image").json()
    with_words = client.get("/items/003a/similar?k=40&distinct=image&q=listing+17").json()
    assert sorted(with_words["image_labels"]) == sorted(without["image_labels"])
    assert with_words["image_labels"][0][:3] == "017" != without["image_labels"][0][:3]
    assert {one["image_id"]: one["score"] for one in with_words["results"]} == {
        one["image_id"]: one["score"] for one in without["results"]
    }
    refused = client.get("/items/003a/similar?q=%21")
    assert (refused.status_code, refused.json()["detail"]) == (422, "q is '!'; it takes at least one letter or digit")


def test_a_release_without_words_is_searched_by_picture_alone(tmp_path: Path, built: BuiltRelease, photo: bytes):
    folder = tmp_path / "release"
    manifest = build_release(folder)
    with closing(sqlite3.connect(folder / "catalog.sqlite", isolation_level=None)) as older:
        older.execute("DROP TABLE words")
        older.execute("DROP TABLE word_lengths")
    manifest = manifest.model_copy(
        update={"catalog": manifest.catalog.model_copy(update=file_entry(folder / "catalog.sqlite"))}
    )
    (folder / "manifest.json").write_bytes(manifest.to_json())
    store = FolderStore(tmp_path / "store")
    publish_directly(store, folder, manifest)
    client = TestClient(create_app(Settings(store=str(tmp_path / "store"), threads=1), store))
    assert client.get("/release").json()["words"] is False
    assert client.get("/items/003a/similar").status_code == 200
    files = {"file": photo}
    for answer in (
        client.get("/search?q=listing"),
        client.get("/items/003a/similar?q=listing"),
        client.post("/predict?q=listing", files=files),
        client.post("/predict/similar_images?q=listing", files=files),
    ):
        assert answer.status_code == 501
        assert "without an index of words" in answer.json()["detail"]


def test_recommendations_are_as_documented_and_leave_both_sides_out(client: TestClient):
    asked = {"liked": ["003a"], "disliked": ["004a"], "k": 100, "distinct": "image"}
    answer = client.post("/recommend", json=asked)
    labels = schemas.SimilarAnswer.model_validate(answer.json()).image_labels
    assert labels[0] == "003b"
    assert len(labels) == 38
    by_product = client.post("/recommend", json={**asked, "distinct": "product"}).json()["results"]
    assert not {"product-003", "product-004"} & {result["product_id"] for result in by_product}
    cheap = client.post("/recommend", json={"liked": ["003a"], "k": 5, "max_price": 30, "category": CATEGORIES[1]})
    assert [result["price"] for result in cheap.json()["results"]] == [20.0]
    assert len(client.post("/recommend", json={"liked": ["003a"]}).json()["results"]) == 4


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"liked": []}, 422, "liked is empty"),
        ({}, 422, "liked is"),
        ({"liked": ["003a"] * 101}, 422, "up to 100"),
        ({"liked": ["003a"], "disliked": ["003a"]}, 422, "both"),
        ({"liked": ["003a"], "k": 0}, 422, "k is 0; it takes 1 to 100"),
        ({"liked": ["003a"], "distinct": "seller"}, 422, "distinct is 'seller'"),
        ({"liked": ["003a"], "category": "Boats"}, 422, "'Boats' is unknown"),
        ({"liked": ["nothing"]}, 404, "no item 'nothing'"),
        ({"liked": ["003a"], "disliked": ["nothing"]}, 404, "no item 'nothing'"),
        (["003a"], 422, "the body is"),
    ],
)
def test_a_bad_wish_is_named(client: TestClient, asked: object, status: int, says: str):
    answer = client.post("/recommend", json=asked)
    assert (answer.status_code, says in answer.json()["detail"]) == (status, True)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"liked": NaN}x'])
def test_a_wish_that_is_not_json_is_a_bad_request(client: TestClient, body: bytes):
    answer = client.post("/recommend", content=body)
    assert (answer.status_code, "not JSON" in answer.json()["detail"]) == (400, True)


def test_json_with_nan_is_a_bad_parameter(client: TestClient):
    answer = client.post("/recommend", content=b'{"liked": ["003a"], "min_score": NaN}')
    assert answer.status_code == 422


def test_the_photo_of_an_item_is_sent_with_its_type_and_revalidated(client: TestClient, photo: bytes):
    answer = client.get("/images/003a")
    assert answer.content == photo
    assert answer.headers["content-type"] == "image/jpeg"
    assert "max-age" in answer.headers["cache-control"]
    again = client.get("/images/003a", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]


def test_a_photo_that_the_store_lost_is_not_found(store: FolderStore):
    store.delete("datasets/sample/photos/003a.jpg")
    answer = TestClient(create_app(Settings(store=str(store), threads=1))).get("/images/003a")
    assert answer.status_code == 404
    assert "datasets/sample/photos/003a.jpg" in answer.json()["detail"]


@pytest.mark.parametrize("key", ["live.json", "releases/x/manifest.json", "datasets/sample/../../live.json"])
def test_a_catalog_cannot_make_the_api_serve_what_is_no_photo(tmp_path: Path, built: BuiltRelease, key: str):
    manifest = build_release(tmp_path / "release")
    with closing(sqlite3.connect(tmp_path / "release" / "catalog.sqlite", isolation_level=None)) as connection:
        connection.execute("UPDATE items SET photo = ? WHERE image_id = '003a'", [key])
    catalog = {**file_entry(tmp_path / "release" / "catalog.sqlite"), "count": 40}
    manifest = Manifest.model_validate({**manifest.model_dump(), "catalog": catalog})
    (tmp_path / "release" / "manifest.json").write_bytes(manifest.to_json())
    store = FolderStore(tmp_path / "store")
    publish_directly(store, tmp_path / "release", manifest)  # past the checks of promotion
    store.write("releases/x/manifest.json", b"{}")
    client = TestClient(create_app(Settings(store=str(store), threads=1)), raise_server_exceptions=False)
    answer = client.get("/images/003a")
    assert answer.status_code in (404, 503)
    assert "high_water" not in answer.text
    assert client.get("/images/003b").status_code == 200


def test_image_ids_may_hold_anything(tmp_path: Path, built: BuiltRelease):
    manifest = build_release(tmp_path / "release", smoke=())
    names = ["sofas/red one.jpg", "é&?#%/similar", *(f"{number}" for number in range(38))]
    item = CatalogItem("", "p", CATEGORIES[0], "A <b>title</b>", None, None, "datasets/sample/photos/000a.jpg")
    items = [replace(item, image_id=name, product_id=name) for name in names]
    write_catalog(tmp_path / "release" / "catalog.sqlite", items)
    catalog = {**file_entry(tmp_path / "release" / "catalog.sqlite"), "count": 40}
    manifest = Manifest.model_validate({**manifest.model_dump(), "catalog": catalog})
    (tmp_path / "release" / "manifest.json").write_bytes(manifest.to_json())
    store = FolderStore(tmp_path / "store")
    publish_directly(store, tmp_path / "release", manifest)
    client = TestClient(create_app(Settings(store=str(store), threads=1)))

    results = client.get("/items/sofas%2Fred%20one.jpg/similar?k=39").json()["results"]
    assert len(results) == 39
    strange = next(result for result in results if result["image_id"] == names[1])
    assert strange["photo"] == "/images/%C3%A9%26%3F%23%25%2Fsimilar"
    for name in ("sofas%2Fred%20one.jpg", "sofas/red%20one.jpg"):
        assert client.get(f"/items/{name}").json()["image_id"] == names[0]
        assert client.get(f"/images/{name}").status_code == 200
    assert client.get(strange["photo"]).status_code == 200
