"""The HTTP routes: fields and errors of the answers."""

from typing import Any
from urllib.parse import quote

import numpy as np

from reliability.conformance.service.expected import expect
from reliability.conformance.service.shop import CATEGORIES, CATEGORY_WEIGHT
from reliability.conformance.service.subject import Subject

_FIELDS = {
    "image_id",
    "product_id",
    "category",
    "title",
    "price",
    "currency",
    "location",
    "photo",
    "score",
    "same_photo",
}


def similar_images(subject: Subject) -> None:
    """A photo of the catalogue finds its item first, which shows the same photo; all fields are there."""
    for image_id, photo in subject.shop.photos.items():
        answer = _ok(subject.client.post("/predict/similar_images", files={"file": photo}, params={"k": 5}))
        expect(set(answer) == {"similar_index", "image_labels", "results"}, f"fields {sorted(answer)}")
        expect(answer["image_labels"][0] == image_id, f"{answer['image_labels'][0]!r} before {image_id!r}")
        expect(all(type(row) is int for row in answer["similar_index"]), "similar_index has no whole numbers")
        results = answer["results"]
        expect(len(results) == len(answer["image_labels"]) == len(answer["similar_index"]) == 5, "the lengths differ")
        expect([one["image_id"] for one in results] == answer["image_labels"], "results and image_labels differ")
        expect(all(one.keys() >= _FIELDS for one in results), f"fields {sorted(results[0])}")
        expect([one["same_photo"] for one in results] == [True, False, False, False, False], "same_photo")
        expect(abs(results[0]["score"] - 1) < subject.tolerance, f"score {results[0]['score']}")


def order_by_category(subject: Subject) -> None:
    """Without a choice, the results of a photo are ordered by cosine plus the category's share."""
    photo = next(iter(subject.shop.photos.values()))
    answer = _ok(subject.client.post("/predict", files={"file": photo}, params={"k": 50}))
    chances = {one["category"]: one["probability"] for one in answer["probabilities"]}
    sums = [one["score"] + CATEGORY_WEIGHT * chances[one["category"]] for one in answer["results"]]
    expect(len(sums) == 50, f"{len(sums)} results")
    expect(all(np.diff(sums) <= 2 * subject.tolerance + 1e-6), "the order is not by cosine plus the category's share")


def batch(subject: Subject) -> None:
    """Several photos in one request, each with its own results."""
    photos = [("files", (image_id, photo)) for image_id, photo in [*subject.shop.photos.items()][:3]]
    entries = _ok(subject.client.post("/predict/batch", files=photos))["entries"]
    first = [entry["prediction"]["image_labels"][0] for entry in entries]
    expect(first == [*subject.shop.photos][:3], f"first results {first}")


def duplicates(subject: Subject) -> None:
    """The listings that show the same photo: the one that was sent."""
    image_id, photo = next(iter(subject.shop.photos.items()))
    answer = _ok(subject.client.post("/predict/duplicates", files={"file": photo}))
    expect(answer["image_labels"] == [image_id], f"found {answer['image_labels']}")


def item_pages(subject: Subject) -> None:
    """An item by its id, with its description; and the items similar to it."""
    for row in (0, 20, 260):
        item = subject.shop.items[row]
        path = f"/items/{quote(item.image_id)}"
        answer = _ok(subject.client.get(path))
        for name in ("image_id", "product_id", "category", "title", "price", "location", "description"):
            expect(answer[name] == getattr(item, name), f"{name} is {answer[name]!r}")
        similar = _ok(subject.client.get(f"{path}/similar", params={"k": 10, "category": CATEGORIES[1]}))
        found = similar["results"]
        expect(len(found) == 10, f"{len(found)} results")
        expect({one["category"] for one in found} == {CATEGORIES[1]}, "a result has another category")
        expect(item.product_id not in {one["product_id"] for one in found}, "the item's product is a result")
        expect({one["same_photo"] for one in found} == {None}, "same_photo without a photo")


def search_by_words(subject: Subject) -> None:
    """Words over HTTP: scores are null."""
    answer = _ok(subject.client.get("/search", params={"q": "crimson", "k": 5}))
    titles = [one["title"] for one in answer["results"]]
    expect(len(titles) == 5 and all("Crimson" in str(title) for title in titles), f"titles {titles}")
    expect({one["score"] for one in answer["results"]} == {None}, "there is a score")
    answer = _ok(subject.client.get("/search", params={"q": "xylophone"}))
    expect(answer == {"similar_index": [], "image_labels": [], "results": []}, "a word that no item has was found")


def recommendations(subject: Subject) -> None:
    """Liked and disliked items over HTTP."""
    ids = [item.image_id for item in subject.shop.items]
    body = {"liked": ids[:100], "disliked": ids[100:200], "k": 100, "distinct": "image"}
    answer = _ok(subject.client.post("/recommend", json=body))
    expect(len(answer["results"]) == 100, f"{len(answer['results'])} results")
    expect(not set(answer["image_labels"]) & set(ids[:200]), "a result was named in the request")


def release(subject: Subject) -> None:
    """The release says how many photos it has; the service says that it is ready."""
    answer = _ok(subject.client.get("/release"))
    expect(answer["count"] == len(subject.shop.items), f"count {answer['count']}")
    kind = "s3vectors" if subject.engine == "s3vectors" else subject.engine
    expect(answer["index_type"] == kind, f"index_type {answer['index_type']}")
    expect(subject.client.get("/readyz").status_code == 200, "/readyz")


def errors(subject: Subject) -> None:
    """Requests that no engine can answer: the status, and a problem that names the value."""
    known = quote(subject.shop.items[0].image_id)
    liked = {"liked": [subject.shop.items[0].image_id]}
    for method, path, options, status, named in (
        ("GET", "/items/no/such", {}, 404, "no/such"),
        ("GET", "/items/no/such/similar", {}, 404, "no/such"),
        ("GET", "/images/no/such", {}, 404, "no/such"),
        ("GET", f"/items/{known}/similar", {"params": {"k": 0}}, 422, "0"),
        ("GET", f"/items/{known}/similar", {"params": {"k": 101}}, 422, "101"),
        ("GET", f"/items/{known}/similar", {"params": {"category": "Boats"}}, 422, "Boats"),
        ("GET", f"/items/{known}/similar", {"params": {"min_price": 9, "max_price": 3}}, 422, "9"),
        ("GET", f"/items/{known}/similar", {"params": {"min_score": 2}}, 422, "2"),
        ("GET", "/search", {"params": {"q": "!!"}}, 422, "!!"),
        ("GET", "/search", {"params": {"q": "x" * 201}}, 422, "201"),
        ("POST", "/recommend", {"json": {"liked": []}}, 422, "liked"),
        ("POST", "/recommend", {"json": {**liked, "disliked": liked["liked"]}}, 422, "both liked and disliked"),
        ("POST", "/recommend", {"json": {"liked": ["no/such"]}}, 404, "no/such"),
        ("POST", "/predict", {"files": {"file": b"no photo"}}, 415, "JPEG"),
    ):
        answer = subject.client.request(method, path, **options)
        expect(answer.status_code == status, f"{method} {path} {options}: {answer.status_code}, not {status}")
        problem = answer.json()
        expect(answer.headers["content-type"] == "application/problem+json", f"{path}: no problem")
        expect(named in problem["detail"], f"{path}: {problem['detail']!r} does not name {named!r}")


def _ok(answer: Any) -> dict[str, Any]:
    expect(answer.status_code == 200, f"{answer.request.url.path}: {answer.status_code} {answer.text[:200]}")
    return dict(answer.json())


CASES = (
    similar_images,
    order_by_category,
    batch,
    duplicates,
    item_pages,
    search_by_words,
    recommendations,
    release,
    errors,
)
