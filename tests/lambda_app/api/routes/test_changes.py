"""The routes that change the catalogue: who may call them, what they write to the log, and what they refuse."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from lambda_app.api.app import create_app
from lambda_app.api.messages import schemas
from lambda_app.catalogue.changes import Upsert
from lambda_app.catalogue.log import entries
from lambda_app.catalogue.received import RECEIVED
from lambda_app.errors import SettingsError
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.lambda_app.api.description.references import dereferenced
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import CATEGORIES, DATASET

FIELDS = {"product_id": "p", "category": CATEGORIES[0], "title": "New", "price": 3}
WITH_KEY = {**FIELDS, "photo": f"{DATASET}photos/001a.jpg"}
REMOVE = {"op": "remove", "image_id": "000a"}
ARN = "arn:aws:sts::111122223333:assumed-role/operator/ann"


def service(store: FolderStore, **settings: Any) -> TestClient:
    given = {
        "catalogue_writes": "open",
        "threads": 1,
        "reload_seconds": 0.0,
        "reload_wait_seconds": 30.0,
        "max_body_bytes": 200_000,
    }
    return TestClient(create_app(Settings(store=str(store), **{**given, **settings}), store))


def applied(client: TestClient) -> None:
    client.app.state.service.applier.wait(60)  # type: ignore[attr-defined]


@pytest.fixture
def writer(store: FolderStore) -> Iterator[TestClient]:
    with service(store) as client:
        yield client
        applied(client)


def test_an_item_with_the_key_of_its_photo_is_written_applied_and_answered(writer: TestClient, store: FolderStore):
    answer = writer.put("/items/shop/new 1", json=WITH_KEY)
    assert answer.status_code == 202
    assert schemas.ChangeAnswer.model_validate(answer.json()) == schemas.ChangeAnswer(entry=1, changes=1)
    (entry,) = entries(store, 0)
    assert entry.header is not None
    assert entry.header.source == "PUT /items by HTTP"
    applied(writer)
    found = writer.get("/items/shop/new 1").json()
    assert (found["image_id"], found["price"], found["title"]) == ("shop/new 1", 3.0, "New")


def test_an_item_with_its_photo_is_found_by_it_and_the_same_photo_is_kept_once(
    writer: TestClient, store: FolderStore, other: BuiltRelease
):
    photo = other.photo("004a")
    for _ in range(2):
        files: Any = {"item": (None, json.dumps(FIELDS)), "file": ("a.jpg", photo)}
        assert writer.put("/items/new", files=files).status_code == 202
    applied(writer)
    (key,) = store.keys(RECEIVED)
    assert store.read(key) == photo
    assert key.endswith(".jpeg")
    first = writer.post("/predict/similar_images?rank=cosine&k=1", files={"file": photo}).json()
    assert first["image_labels"] == ["new"]
    assert writer.get("/release").json()["count"] == 41
    assert writer.get("/images/new").content == photo


def test_an_item_is_removed_and_what_is_not_there_is_noted(writer: TestClient, store: FolderStore):
    assert writer.delete("/items/000a").json() == {"entry": 1, "changes": 1}
    assert writer.delete("/items/000a").status_code == 202
    applied(writer)
    assert writer.get("/items/000a").status_code == 404
    assert "no item has the image_id '000a'" in store.read("rejected/changes/000000000002.json").decode()


def test_a_batch_is_one_entry_in_its_order(writer: TestClient, store: FolderStore):
    changes = [
        {"op": "upsert", "item": {**WITH_KEY, "image_id": "new"}},
        {"op": "update", "image_id": "new", "set": {"price": None, "location": "Leeds"}},
        {"op": "remove", "product_id": "product-003"},
    ]
    assert writer.post("/items:batch", json={"changes": changes}).json() == {"entry": 1, "changes": 3}
    assert len(list(entries(store, 0))) == 1
    applied(writer)
    found = writer.get("/items/new").json()
    assert (found["price"], found["location"]) == (None, "Leeds")
    assert writer.get("/items/003a").status_code == 404


def test_a_change_with_the_same_key_is_written_once(writer: TestClient, store: FolderStore):
    headers = {"Idempotency-Key": "order-7"}
    assert writer.put("/items/new", json=WITH_KEY, headers=headers).json()["entry"] == 1
    assert writer.delete("/items/000a").json()["entry"] == 2
    assert writer.put("/items/new", json=WITH_KEY, headers=headers).json()["entry"] == 1
    assert writer.put("/items/new", json={**WITH_KEY, "price": 4}, headers=headers).json()["entry"] == 3
    too_long = writer.put("/items/new", json=WITH_KEY, headers={"Idempotency-Key": "x" * 201})
    assert (too_long.status_code, "at most 200" in too_long.json()["detail"]) == (422, True)


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"price": -1}, 422, "item.price: Input should be greater than or equal to 0: -1"),
        ({"prise": 1}, 422, "prise is not a field of an item; its fields are image_id, product_id,"),
        ({"category": "Boats"}, 422, "'Boats'; the model of the live release knows"),
        ({"photo": "live.json"}, 422, "a photo has a key datasets/<name>/<path>"),
        ({"photo": f"{DATASET}none.jpg"}, 422, "the store has no such photo"),
        ({"image_id": "other"}, 422, "image_id is 'other'; the path says 'new'"),
        ({"title": "x" * 70_000}, 422, "has 70,000 bytes; the limit is 65,536"),
        ({"title": "x" * 200_000}, 413, "the limit is 200,000"),
    ],
)
def test_an_item_that_no_release_can_have_is_refused(
    writer: TestClient, store: FolderStore, fields: dict[str, Any], status: int, told: str
):
    answer = writer.put("/items/new", json={**WITH_KEY, **fields})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert told in answer.json()["detail"]
    assert not store.exists("changes/000000000001.jsonl")


@pytest.mark.parametrize(
    ("body", "kind", "status", "told"),
    [
        (b"{", "application/json", 400, "is not JSON"),
        (b"[" * 100_000, "application/json", 400, "is not JSON"),
        (b"[1]", "application/json", 422, "it takes an object"),
        (b"{}", "text/plain", 400, "an item is sent as application/json or multipart/form-data"),
        (b"--x\r\n\r\n\r\n--x--", "multipart/form-data; boundary=x", 400, "has no name"),
    ],
)
def test_a_body_that_is_no_item_is_refused(writer: TestClient, body: bytes, kind: str, status: int, told: str):
    answer = writer.put("/items/new", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, told in answer.json()["detail"]) == (status, True)


def test_a_form_without_a_usable_photo_is_refused_and_nothing_is_kept(writer: TestClient, store: FolderStore):
    def sent(**files: Any) -> tuple[int, str]:
        answer = writer.put("/items/new", files=files)
        return answer.status_code, answer.json()["detail"]

    item = (None, json.dumps(FIELDS))
    assert sent(item=item) == (400, "the form has 0 fields 'file'; it takes one")
    assert sent(item=item, file=b"GIF89a")[0] == 415
    assert sent(item=item, file=b"\xff\xd8\xff\xe0 no photo")[0] == 422
    assert sent(item=(None, json.dumps(WITH_KEY)), file=b"x")[1].startswith("photo is ")
    assert list(store.keys(RECEIVED)) == []
    assert not store.exists("changes/000000000001.jsonl")


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"changes": []}, 422, "it takes changes alone"),
        ({"changes": [REMOVE], "more": 1}, 422, "it takes changes alone"),
        ({"changes": [REMOVE, {"op": "sell"}, {"op": "remove"}]}, 422, "changes.1: "),
        ({"changes": [{"op": "revert", "release": "release1", "through": 0, "undone": 1}]}, 422, "releases rollback"),
        ({"changes": [{"op": "update", "image_id": "000a", "set": {"category": "Boats"}}]}, 422, "'Boats'"),
        ({"changes": [1] * 10_001}, 422, "the batch has 10,001 changes; the limit is 10,000"),
        (
            {"changes": [{"op": "upsert", "item": {**WITH_KEY, "image_id": "n"}}] * 1_001},
            422,
            "upserts; the limit is 1,000",
        ),
    ],
)
def test_a_batch_with_one_wrong_change_is_refused_as_a_whole(
    writer: TestClient, store: FolderStore, body: dict[str, Any], status: int, told: str
):
    answer = writer.post("/items:batch", json=body)
    assert (answer.status_code, told in answer.json()["detail"]) == (status, True)
    assert not store.exists("changes/000000000001.jsonl")


def test_a_page_of_another_origin_cannot_send_a_batch_without_asking_first(writer: TestClient):
    """A browser sends text/plain without a preflight; the preflight of JSON is refused."""
    plain = writer.post(
        "/items:batch", content=json.dumps({"changes": [REMOVE]}), headers={"Content-Type": "text/plain"}
    )
    assert plain.status_code == 400
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
    assert writer.options("/items/x", headers=asked).status_code == 400


def test_a_method_that_an_item_does_not_take_names_all_that_it_takes(writer: TestClient):
    answer = writer.post("/items/000a", json=WITH_KEY)
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, PUT")
    similar = writer.put("/items/000a/similar", json=WITH_KEY)
    assert (similar.status_code, similar.headers["allow"]) == (405, "GET")


def test_without_the_setting_no_route_changes_anything(client: TestClient):
    assert client.put("/items/000a", json=WITH_KEY).status_code == 405
    assert client.delete("/items/000a").status_code == 405
    assert client.post("/items:batch", json={"changes": [REMOVE]}).status_code == 404


class Gateway:
    """What Mangum adds to a request of API Gateway."""

    def __init__(self, app: ASGIApp, event: dict[str, Any]) -> None:
        self._app, self._event = app, event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "aws.event": self._event}, receive, send)


@pytest.mark.parametrize(
    ("route", "authorizer", "status"),
    [
        ("DELETE /items/{proxy+}", {"iam": {"userArn": ARN}}, 202),
        ("$default", {"iam": {"userArn": ARN}}, 403),
        ("$default", {"jwt": {"claims": {"sub": "shopper"}}}, 403),
        ("DELETE /items/{proxy+}", {"jwt": {"claims": {"iam": ARN}}}, 403),
        ("DELETE /items/{proxy+}", None, 403),
    ],
)
def test_on_aws_only_a_principal_of_iam_by_the_routes_for_it_changes_the_catalogue(
    store: FolderStore, route: str, authorizer: Any, status: int
):
    app = create_app(Settings(store=str(store), threads=1, catalogue_writes="iam"), store)
    event = {"routeKey": route, "requestContext": {"authorizer": authorizer}}
    with TestClient(Gateway(app, event)) as client:
        assert client.delete("/items/000a").status_code == status
        app.state.service.applier.wait(60)
    (written,) = entries(store, 0) or (None,) if status == 202 else (None,)
    assert store.exists("changes/000000000001.jsonl") is (status == 202)
    if written is not None and written.header is not None:
        assert written.header.source == f"DELETE /items by {ARN}"


def test_without_a_gateway_nobody_is_a_principal_of_iam(store: FolderStore):
    with service(store, catalogue_writes="iam") as client:
        answer = client.put("/items/new", content=b"{", headers={"Content-Type": "application/json"})
        assert (answer.status_code, "principal of IAM" in answer.json()["detail"]) == (403, True)


def test_open_is_not_for_a_lambda():
    environ = {"LOOKALIKE_STORE": "x", "LOOKALIKE_CATALOGUE_WRITES": "open"}
    assert Settings.from_environ(environ).catalogue_writes == "open"
    with pytest.raises(SettingsError, match="'open'; it takes one of none, iam"):
        Settings.from_environ({**environ, "AWS_LAMBDA_FUNCTION_NAME": "api"})


def test_the_routes_are_described_when_they_are_there(writer: TestClient, client: TestClient):
    document = dereferenced(writer.get("/openapi.json").json())
    assert document["paths"].keys() - client.get("/openapi.json").json()["paths"].keys() == {"/items:batch"}
    operations = [document["paths"]["/items/{image_id}"][one] for one in ("put", "delete")]
    operations.append(document["paths"]["/items:batch"]["post"])
    for operation in operations:
        answers = operation["responses"]
        assert answers["202"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ChangeAnswer"}
        assert "200" not in answers
        assert {"403", "422", "503"} <= answers.keys()
        assert {one["name"] for one in operation["parameters"]} >= {"idempotency-key"}
    assert '"#/$defs' not in json.dumps(document)
    item = operations[0]["requestBody"]["content"]["application/json"]["schema"]
    assert set(item["required"]) == {"product_id", "category", "photo"}
    assert set(item["properties"]) == set(Upsert.model_fields["item"].annotation.model_fields) - {"image_id"}  # type: ignore[union-attr]


def test_changes_that_were_not_applied_stay_in_the_log_and_come_with_the_next_ones(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    with service(store) as client:
        live = store.read("live.json")
        store.delete("live.json")  # nothing is live
        client.app.state.service.applier.wake()  # type: ignore[attr-defined]
        applied(client)
        store.write("live.json", live)
        assert client.delete("/items/000a").status_code == 202
        applied(client)
        assert client.get("/items/000a").status_code == 404
