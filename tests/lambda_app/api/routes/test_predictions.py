import random
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from pydantic import BaseModel

from lambda_app.api.app import create_app
from lambda_app.api.messages import schemas
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import CATEGORIES, DIM, build_release, embed, encode, publish_directly

ROUTES = ["/predict", "/predict/category", "/predict/feature_embedding", "/predict/similar_images"]
PIXELS = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8))


def png_header(side: int) -> bytes:
    """A PNG that claims side x side pixels and holds none."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"")))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


REFUSED = {
    "truncated JPEG": (encode(PIXELS)[:700], 422, "does not decode"),
    "truncated PNG": (encode(PIXELS, "PNG")[:700], 422, "does not decode"),
    "text": (b"I am text, named .jpg", 415, "is text, not a JPEG, PNG, WebP or AVIF"),
    "empty": (b"", 415, "an empty file"),
    "HTML": (b"<html><script>alert(1)</script></html>", 415, "is an HTML page, not a JPEG"),
    "GIF": (encode(PIXELS, "GIF"), 415, "is a GIF, not a JPEG"),
    "animation": (encode(PIXELS, "WEBP", save_all=True, append_images=[PIXELS.rotate(90)]), 415, "animated"),
    "20,000 x 20,000": (png_header(20_000), 413, "20000 x 20000; the limit is 16,384"),
    "100 megapixels": (png_header(10_000), 413, "100,000,000 pixels; the limit is 64,000,000"),
}
TAKEN = {
    "1 x 1": encode(Image.new("RGB", (1, 1)), "PNG"),
    "RGBA PNG": encode(PIXELS.convert("RGBA"), "PNG"),
    "palette PNG": encode(PIXELS.quantize(16), "PNG"),
    "CMYK JPEG": encode(PIXELS.convert("CMYK")),
    "grey JPEG": encode(PIXELS.convert("L")),
    "16-bit PNG": encode(Image.fromarray(np.full((20, 20), 40_000, np.uint16)), "PNG"),
    "WebP": encode(PIXELS, "WEBP"),
    "AVIF": encode(PIXELS, "AVIF"),
}


def test_the_original_routes_answer_the_original_fields(client: TestClient, photo: bytes):
    # As the published client does: a multipart part without a content type.
    files = {"file": (None, photo)}
    category = client.post("/predict/category", files=files).json()
    assert CATEGORIES[category["category_index"]] == category["category"]
    features = client.post("/predict/feature_embedding", files=files).json()["features"]
    assert len(features) == 13
    assert all(isinstance(value, float) for value in features)
    similar = client.post("/predict/similar_images", files=files).json()
    assert [len(similar["similar_index"]), len(similar["image_labels"])] == [4, 4]
    assert all(isinstance(row, int) for row in similar["similar_index"])
    assert (similar["similar_index"][0], similar["image_labels"][0]) == (6, "003a")


@pytest.mark.parametrize(
    ("route", "model"),
    [
        ("/predict", schemas.PredictAnswer),
        ("/predict/category", schemas.CategoryAnswer),
        ("/predict/feature_embedding", schemas.EmbeddingAnswer),
        ("/predict/similar_images", schemas.SimilarAnswer),
    ],
)
def test_answers_are_as_documented(client: TestClient, photo: bytes, route: str, model: type[BaseModel]):
    answer = client.post(route, files={"file": photo})
    assert answer.status_code == 200
    model.model_validate(answer.json())
    everything = client.post("/predict", files={"file": photo}).json()
    for name, value in answer.json().items():
        # /predict lists more of the probabilities.
        assert everything[name][: len(value)] == value if name == "probabilities" else everything[name] == value


def test_the_category_is_the_most_probable_one(client: TestClient, photo: bytes):
    answer = client.post("/predict/category?k=13", files={"file": photo}).json()
    probabilities = [entry["probability"] for entry in answer["probabilities"]]
    assert sorted(probabilities, reverse=True) == probabilities
    assert sum(probabilities) == pytest.approx(1, abs=1e-5)
    assert answer["probabilities"][0]["category"] == answer["category"]
    assert answer["probabilities"][0]["category_index"] == answer["category_index"]
    assert len(client.post("/predict/category?k=2", files={"file": photo}).json()["probabilities"]) == 2
    assert client.post("/predict/category?k=0", files={"file": photo}).status_code == 422
    assert (
        client.post("/predict/category?k=101", files={"file": photo}).json()["detail"] == "k is 101; it takes 1 to 100"
    )


def test_the_embedding_keeps_what_a_float32_holds(client: TestClient, photo: bytes, built: BuiltRelease):
    answer = client.post("/predict/feature_embedding", files={"file": photo}).json()
    expected = embed(built.folder / "model.onnx", [photo])[0]
    assert len(answer["embedding"]) == DIM
    np.testing.assert_allclose(answer["embedding"], expected, rtol=1e-6, atol=1e-7)
    assert max(len(str(value)) for value in answer["embedding"]) <= 14


def test_a_catalog_photo_finds_itself_first_with_all_that_is_known(client: TestClient, photo: bytes):
    answer = client.post("/predict/similar_images", files={"file": photo}).json()
    first = answer["results"][0]
    assert first.pop("score") == pytest.approx(1, abs=1e-5)
    assert first == {
        "image_id": "003a",
        "product_id": "product-003",
        "category": "Other Goods",
        "title": "Listing 3",
        "price": 40.0,
        "currency": None,
        "location": "London",
        "photo": "/images/003a",
        "same_photo": None,
    }
    assert [result["image_id"] for result in answer["results"]] == answer["image_labels"]
    assert client.get(first["photo"]).content == photo


def test_search_parameters_reach_the_search(client: TestClient, photo: bytes):
    def results(query: str) -> list[dict]:
        return client.post(f"/predict/similar_images?{query}", files={"file": photo}).json()["results"]

    assert len(results("k=100")) == 20
    assert len(results("k=100&distinct=image")) == 40
    assert {result["category"] for result in results("k=100&category=Home+%26+Garden")} == {"Home & Garden"}
    assert {result["price"] for result in results("k=100&min_price=30&max_price=40")} == {30.0, 40.0}
    assert {result["image_id"] for result in results("min_score=0.9&distinct=image")} == {"003a", "003b"}
    assert results("min_price=9999999") == []


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_photo_is_refused_with_its_reason(client: TestClient, route: str, name: str):
    data, status, says = REFUSED[name]
    for declared in ("image/jpeg", "text/html"):
        answer = client.post(route, files={"file": ("photo.jpg", data, declared)})
        assert answer.status_code == status
        problem = schemas.Problem.model_validate(answer.json())
        assert problem.status == answer.status_code
        assert says in problem.detail
        assert problem.instance == route
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", TAKEN)
def test_any_still_photo_is_answered_whatever_it_is_declared_as(client: TestClient, route: str, name: str):
    for declared in ("text/html", "image/gif", ""):
        answer = client.post(route, files={"file": ("page.html", TAKEN[name], declared)})
        assert answer.status_code == 200


@pytest.mark.parametrize("route", [*ROUTES, "/predict/batch"])
@pytest.mark.parametrize("files", [{}, {"photo": b"x"}])
def test_no_photo_is_a_bad_request_that_names_the_field(client: TestClient, route: str, files: dict[str, bytes]):
    answer = client.post(route, files=files)
    assert answer.status_code == 400
    assert "'file" in answer.json()["detail"]


def test_a_batch_answers_each_file_for_itself(client: TestClient, photo: bytes, built: BuiltRelease):
    files = [("files", ("a.jpg", photo)), ("files", ("b.jpg", b"text")), ("files", ("c.jpg", built.photo("007b")))]
    answer = client.post("/predict/batch?k=2", files=files)
    assert answer.status_code == 200
    schemas.BatchAnswer.model_validate(answer.json())
    first, second, third = answer.json()["entries"]
    assert [entry["filename"] for entry in (first, second, third)] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [entry["status"] for entry in (first, second, third)] == [200, 415, 200]
    assert first["prediction"] == client.post("/predict?k=2", files={"file": photo}).json()
    assert third["prediction"]["image_labels"][0] == "007b"
    assert "the file is text" in second["error"]["detail"]


def test_a_batch_is_limited(client: TestClient, photo: bytes):
    answer = client.post("/predict/batch", files=[("files", photo)] * 4)
    assert (answer.status_code, answer.json()["detail"]) == (413, "the batch has 4 files; the limit is 3")


def test_requests_at_once_do_not_mix(client: TestClient, built: BuiltRelease):
    wrong: list[str] = []

    def ask(image_id: str) -> None:
        for _ in range(5):
            answer = client.post("/predict?distinct=image", files={"file": built.photo(image_id)}).json()
            if answer["image_labels"][0] != image_id:
                wrong.append(image_id)

    threads = [threading.Thread(target=ask, args=[f"{number:03}a"]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_no_broken_photo_yields_a_500(client: TestClient, kind: str):
    rng = random.Random(1)
    whole = encode(PIXELS, kind)
    statuses = set()
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 5)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        statuses.add(client.post("/predict/category", files={"file": bytes(data)}).status_code)
    assert statuses <= {200, 413, 415, 422}
    assert 422 in statuses


def test_a_photo_for_which_there_is_no_memory_now_is_to_be_sent_again(store: FolderStore, photo: bytes):
    app = create_app(Settings(store=str(store), threads=1, decoding_bytes=20 << 20), store)
    client = TestClient(app)
    large = encode(Image.new("RGB", (2000, 1000)), "PNG")
    assert client.post("/predict", files={"file": large}).status_code == 200
    with app.state.service.decoding.reserved(19 << 20):
        answer = client.post("/predict", files={"file": large})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "takes 7 MiB of memory, and other photos use 19 of 20 MiB" in answer.json()["detail"]
        assert client.post("/predict", files={"file": photo}).status_code == 200
        batch = client.post("/predict/batch", files=[("files", large), ("files", photo)]).json()
        assert [entry["status"] for entry in batch["entries"]] == [503, 200]
    assert client.post("/predict", files={"file": large}).status_code == 200


@pytest.mark.parametrize("most", [1, 3, 10])
def test_own_defaults_never_exceed_the_limit(store: FolderStore, photo: bytes, most: int):
    client = TestClient(create_app(Settings(store=str(store), threads=1, max_k=most), store))
    whole = client.post("/predict", files={"file": photo})
    assert whole.status_code == 200
    assert (len(whole.json()["probabilities"]), len(whole.json()["results"])) == (min(most, 13), min(most, 4))
    assert len(client.post("/predict/category", files={"file": photo}).json()["probabilities"]) == min(most, 5)
    assert len(client.get("/items/003a/similar").json()["results"]) == min(most, 4)
    assert len(client.post("/recommend", json={"liked": ["003a"]}).json()["results"]) == min(most, 4)
    for asked in (
        client.post(f"/predict?k={most + 1}", files={"file": photo}),
        client.post(f"/predict/category?k={most + 1}", files={"file": photo}),
        client.post("/recommend", json={"liked": ["003a"], "k": most + 1}),
    ):
        assert (asked.status_code, asked.json()["detail"]) == (422, f"k is {most + 1}; it takes 1 to {most}")


@pytest.mark.parametrize("route", ["/predict", "/predict/similar_images"])
def test_several_photos_of_the_same_thing_are_one_query(client: TestClient, built: BuiltRelease, route: str):
    photos = [built.photo(name) for name in ("003a", "003b", "007a")]
    together = client.post(f"{route}?k=100&distinct=image", files=[("file", photo) for photo in photos]).json()
    mean = embed(built.folder / "model.onnx", photos).mean(axis=0)
    mean /= np.linalg.norm(mean)
    paths = sorted((built.folder / "photos").iterdir())
    catalogue = embed(built.folder / "model.onnx", [path.read_bytes() for path in paths])
    assert together["similar_index"] == np.argsort(-(catalogue @ mean), kind="stable").tolist()
    if route == "/predict":
        alone = [client.post(route, files={"file": photo}).json() for photo in photos]
        np.testing.assert_allclose(together["embedding"], mean, atol=1e-6)
        np.testing.assert_allclose(together["features"], np.mean([one["features"] for one in alone], axis=0), atol=1e-5)
        odds = [{entry["category"]: entry["probability"] for entry in one["probabilities"]} for one in alone]
        for entry in together["probabilities"]:
            assert entry["probability"] == pytest.approx(np.mean([one[entry["category"]] for one in odds]), abs=1e-6)


def test_a_photo_sent_twice_is_that_photo(client: TestClient, photo: bytes):
    alone = client.post("/predict", files={"file": photo}).json()
    twice = client.post("/predict", files=[("file", photo)] * 2).json()
    assert twice["image_labels"] == alone["image_labels"]
    np.testing.assert_allclose(twice["embedding"], alone["embedding"], atol=1e-6)


@pytest.mark.parametrize("route", ["/predict", "/predict/similar_images"])
def test_more_photos_than_four_are_refused(client: TestClient, photo: bytes, route: str):
    assert client.post(route, files=[("file", photo)] * 4).status_code == 200
    answer = client.post(route, files=[("file", photo)] * 5)
    assert (answer.status_code, answer.json()["detail"]) == (
        413,
        "the form has 5 fields 'file'; it takes 1 to 4, photos of the same thing",
    )


@pytest.mark.parametrize("route", ["/predict/category", "/predict/feature_embedding"])
def test_the_single_steps_take_one_photo(client: TestClient, photo: bytes, route: str):
    answer = client.post(route, files=[("file", photo)] * 2)
    assert answer.status_code == 400
    assert "the form has 2 fields 'file'; it takes 1, the photo" in answer.json()["detail"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_photo_among_several_is_named(client: TestClient, photo: bytes, name: str):
    data, status, says = REFUSED[name]
    answer = client.post("/predict", files=[("file", photo), ("file", data), ("file", photo)])
    assert answer.status_code == status
    assert answer.json()["detail"].startswith("photo 2 of 3: ")
    assert says in answer.json()["detail"]


def test_photos_share_the_limit_of_the_body(client: TestClient, photo: bytes):
    padded = photo + bytes(120_000)  # each is below the limit of 200,000
    assert client.post("/predict", files={"file": padded}).status_code == 200
    answer = client.post("/predict", files=[("file", padded)] * 2)
    assert answer.status_code == 413
    assert "the limit is 200,000" in answer.json()["detail"]


def test_photos_of_the_same_thing_take_the_memory_of_one(settings: Settings, shop: FolderStore, photo: bytes):
    needed = 64 * 64 * 4  # of a photo of 64 x 64
    with TestClient(create_app(replace(settings, decoding_bytes=needed), shop)) as client:
        assert client.post("/predict", files=[("file", photo)] * 4).status_code == 200
    with TestClient(create_app(replace(settings, decoding_bytes=needed - 1), shop)) as client:
        assert client.post("/predict", files={"file": photo}).status_code == 413


@pytest.mark.parametrize(("turn", "orientation"), [(None, 1), (Image.Transpose.ROTATE_90, 6)])
def test_a_box_searches_a_part_of_the_upright_photo(
    client: TestClient, built: BuiltRelease, turn: Image.Transpose | None, orientation: int
):
    both = Image.new("RGB", (128, 64))
    for place, name in enumerate(("003a", "007a")):
        both.paste(Image.open(built.folder / "photos" / f"{name}.jpg"), (64 * place, 0))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(both if turn is None else both.transpose(turn), "PNG", exif=exif)
    for box, name in (("0,0,0.5,1", "003a"), ("0.5,0,0.5,1", "007a")):
        answer = client.post("/predict", params={"box": box}, files={"file": data}).json()
        assert (answer["image_labels"][0], answer["results"][0]["score"]) == (name, pytest.approx(1, abs=1e-3))
        alone = client.post("/predict/category", params={"box": box}, files={"file": data}).json()
        assert alone["category"] == answer["category"]


def test_a_box_with_several_photos_is_refused(client: TestClient, photo: bytes):
    answer = client.post("/predict?box=0,0,0.5,1", files=[("file", photo)] * 2)
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "box is '0,0,0.5,1', and the request has 2 photos; a box takes 1 photo",
    )


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a release that ranks by category."""
    folder = tmp_path_factory.mktemp("ranked")
    manifest = build_release(folder / "release", ranking={"category_weight": 0.6})
    store = FolderStore(folder / "store")
    publish_directly(store, folder / "release", manifest)
    with TestClient(create_app(Settings(store=str(store), threads=1), store)) as client:
        yield client


@pytest.mark.parametrize("route", ["/predict", "/predict/similar_images"])
def test_results_of_a_photo_rank_by_cosine_and_category(ranked: TestClient, built: BuiltRelease, route: str):
    photo = built.photo("004b")
    found = ranked.post("/predict/category?k=100", files={"file": photo}).json()["probabilities"]
    odds = {entry["category"]: entry["probability"] for entry in found}
    by_cosine = ranked.post(f"{route}?k=100&distinct=image&rank=cosine", files={"file": photo}).json()["results"]
    scores = [result["score"] for result in by_cosine]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 40
    expected = sorted(by_cosine, key=lambda result: -result["score"] - 0.6 * odds[result["category"]])
    assert expected != by_cosine
    for query in ("", "&rank=category"):
        for k in (3, 100):
            asked = f"{route}?k={k}&distinct=image{query}"
            assert ranked.post(asked, files={"file": photo}).json()["results"] == expected[:k]
    batch = ranked.post("/predict/batch?k=3&distinct=image", files={"files": photo}).json()["entries"][0]
    assert batch["prediction"]["results"] == expected[:3]


@pytest.mark.parametrize("route", ["/predict", "/predict/similar_images"])
def test_words_move_results_of_a_photo_up(client: TestClient, photo: bytes, route: str):
    def asked(**words: str) -> list[dict[str, Any]]:
        answer = client.post(route, params={"k": 20, **words}, files={"file": photo})
        return list(answer.json()["results"])

    without = asked()
    last = without[-1]
    found = asked(q=last["title"].upper())
    assert last["title"] in [result["title"] for result in found[:2]]
    assert sorted(result["score"] for result in found) == pytest.approx(sorted(result["score"] for result in without))
    assert asked(q="") == asked(q="zebra") == without
    refused = client.post(route, params={"q": "?!"}, files={"file": b"no photo"})
    assert (refused.status_code, "q is '?!'" in refused.json()["detail"]) == (422, True)


def test_an_unknown_order_is_refused(ranked: TestClient, photo: bytes):
    answer = ranked.post("/predict?rank=price", files={"file": photo})
    assert answer.status_code == 422
    assert "rank is 'price'" in answer.json()["detail"]


def test_the_release_says_how_it_ranks(ranked: TestClient, client: TestClient):
    assert ranked.get("/release").json()["category_weight"] == 0.6
    assert client.get("/release").json()["category_weight"] == 0
