from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.api.messages import schemas
from lambda_app.release.row_set import RowSet
from lambda_app.search.local.paging import rows_from
from lambda_app.settings import Settings
from lambda_app.store.blocked import block
from lambda_app.store.folder import FolderStore
from tests.releases import CATEGORIES, build_release, publish_directly


@pytest.fixture
def referenced(tmp_path: Path) -> tuple[FolderStore, str]:
    """A store whose release has a reference, and its id."""
    store = FolderStore(tmp_path / "store")
    manifest = build_release(tmp_path / "release", referenced=True)
    publish_directly(store, tmp_path / "release", manifest)
    return store, manifest.release


def client_of(store: FolderStore, max_body_bytes: int = 4 << 20) -> TestClient:
    return TestClient(create_app(Settings(store=str(store), max_body_bytes=max_body_bytes), store))


def pages(client: TestClient, **asked: str | int) -> list[list[str]]:
    """The image ids of all pages."""
    found, after = [], None
    while True:
        answer = client.get("/items", params={**asked, **({} if after is None else {"after": after})})
        assert answer.status_code == 200, answer.text
        page = schemas.BrowseAnswer.model_validate(answer.json())
        found.append(page.image_labels)
        if (after := page.next) is None:
            return found


@pytest.mark.parametrize("k", [1, 3, 19, 20, 21, 100])
def test_the_pages_of_the_catalogue_have_each_product_once_in_its_order(client: TestClient, k: int):
    found = pages(client, k=k)
    assert [image_id for page in found for image_id in page] == [f"{product:03}a" for product in range(20)]
    assert all(len(page) == k for page in found[:-1])


def test_a_page_has_every_photo_if_asked_and_passes_the_filter(client: TestClient):
    found = pages(client, k=3, distinct="image", category=CATEGORIES[3], max_price=150)
    assert [image_id for page in found for image_id in page] == ["003a", "003b"]


def test_pages_go_on_beyond_rows_that_are_blocked(tmp_path: Path):
    store = FolderStore(tmp_path / "store")
    publish_directly(store, tmp_path / "release", build_release(tmp_path / "release"))
    block(store, ["000a"], ["product-002"])
    found = [image_id for page in pages(client_of(store), k=2) for image_id in page]
    assert found[:3] == ["000b", "001a", "003a"]


@pytest.mark.parametrize(
    ("asked", "detail"),
    [
        ({"after": -1}, "after is -1"),
        ({"k": 0}, "k is 0"),
        ({"category": "Cars"}, "category 'Cars' is unknown"),
        ({"min_price": 9, "max_price": 1}, "min_price 9.0 is above max_price 1.0"),
    ],
)
def test_a_page_that_cannot_be_is_refused(client: TestClient, asked: dict[str, str | int], detail: str):
    answer = client.get("/items", params=asked)
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]


def test_after_the_last_row_there_is_nothing(client: TestClient):
    assert client.get("/items", params={"after": 10**15}).json() == {
        "results": [],
        "similar_index": [],
        "image_labels": [],
        "next": None,
    }


def test_examples_are_held_out_photos_of_different_categories(referenced: tuple[FolderStore, str]):
    client = client_of(referenced[0])
    found = schemas.ExamplesAnswer.model_validate(client.get("/examples").json()).examples
    assert len({item.category for item in found}) == len(found) == 8
    for number, item in enumerate(found):
        photo = client.get(f"/examples/{number}")
        assert photo.headers["content-type"] == "image/jpeg"
        assert photo.content == client.get(f"/images/{item.image_id}").content
    for number in (8, -1):
        answer = client.get(f"/examples/{number}")
        assert answer.status_code == 404
        assert answer.json()["detail"] == f"there is no example {number}; this release has 8, numbered 0 to 7"


def test_a_blocked_example_gives_way_to_another(referenced: tuple[FolderStore, str]):
    store, _ = referenced
    first = client_of(store).get("/examples").json()["examples"][0]
    block(store, product_ids=[first["product_id"]])
    found = client_of(store).get("/examples").json()["examples"]
    assert len(found) == 8
    assert first["image_id"] not in {item["image_id"] for item in found}


def test_a_release_without_reference_has_no_examples(client: TestClient):
    assert client.get("/examples").json() == {"examples": []}
    answer = client.get("/examples/0")
    assert answer.status_code == 404
    assert "this release has none, because its training kept no reference photos" in answer.json()["detail"]


def test_an_example_over_the_limit_of_a_body_is_not_sent(referenced: tuple[FolderStore, str]):
    answer = client_of(referenced[0], max_body_bytes=100).get("/examples/0")
    assert answer.status_code == 413
    assert "the limit of a body is 100" in answer.json()["detail"]


def test_the_report_is_a_page_that_runs_nothing(referenced: tuple[FolderStore, str]):
    store, release = referenced
    client = client_of(store)
    missing = client.get("/release/report")
    assert missing.status_code == 404
    assert missing.json()["detail"].startswith(f"release {release} has no evaluation report: the store holds none")
    store.write(f"releases/{release}/report/report.html", b"<h1>Evaluation</h1>")
    answer = client.get("/release/report")
    assert (answer.text, answer.headers["content-type"]) == ("<h1>Evaluation</h1>", "text/html; charset=utf-8")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert "sandbox" in policy.replace(";", " ").split()
    assert "allow-scripts" not in policy


def test_a_page_of_a_large_catalogue_reads_few_rows():
    mask = np.zeros(1_000_000, np.bool_)
    mask[[5, 700_000, 999_999]] = True
    rows = RowSet.of_mask(mask)
    assert rows_from(rows, 0, 2).tolist() == [5, 700_000]
    assert rows_from(rows, 6, 9).tolist() == [700_000, 999_999]
    assert rows_from(rows, 700_001, 1).tolist() == [999_999]
    assert rows_from(rows, 1_000_000, 1).tolist() == []


def test_the_page_leaves_out_from_the_start_what_a_loaded_release_lacks(
    client: TestClient, referenced: tuple[FolderStore, str], tmp_path: Path
):
    cold = client_of(referenced[0])
    assert 'data-release="unknown"' in cold.get("/").text
    cold.get("/readyz")
    page = cold.get("/").text
    assert 'data-release="known"' in page
    assert 'id="examples" hidden' not in page
    client.get("/readyz")  # without a reference
    page = client.get("/").text
    assert 'id="examples" hidden' in page
    assert 'id="words" hidden' not in page
