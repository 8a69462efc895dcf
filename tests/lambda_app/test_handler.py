import asyncio
import base64
import gc
import gzip
import importlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lambda_app import promoter
from lambda_app.api.messages import schemas
from lambda_app.store.folder import FolderStore
from tests.lambda_app.conftest import BuiltRelease
from tests.lambda_events import BUCKET, get, object_created, post_photo, recorded
from tests.releases import publish_directly
from tests.s3_server import S3Server

CONTEXT = SimpleNamespace(aws_request_id="11111111-2222-3333-4444-555555555555")
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def handler_of(store: FolderStore | str, monkeypatch: pytest.MonkeyPatch) -> Handler:
    """Import the module anew, as a new Lambda process does."""
    monkeypatch.setenv("LOOKALIKE_STORE", str(store))
    monkeypatch.setenv("LOOKALIKE_THREADS", "1")
    import lambda_app.handler

    handler: Handler = importlib.reload(lambda_app.handler).handler
    return handler


@pytest.fixture(autouse=True)
def event_loop() -> Iterator[None]:
    """Mangum uses the event loop of the thread, which Lambda never closes; here each test closes its own loop."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def handler(shop: FolderStore, monkeypatch: pytest.MonkeyPatch) -> Handler:
    return handler_of(shop, monkeypatch)


@pytest.mark.parametrize("name", ["http_v1_get", "http_v2_get"])
def test_get_requests_are_answered(handler: Handler, built: BuiltRelease, name: str):
    answer = handler(recorded(name), CONTEXT)
    assert answer["statusCode"] == 200
    assert answer["isBase64Encoded"] is False
    similar = schemas.SimilarAnswer.model_validate_json(answer["body"])
    assert (len(similar.results), similar.results[0].image_id) == (2, "003b")
    headers = answer["headers"] if "headers" in answer else answer["multiValueHeaders"]
    assert headers["x-request-id"] in (CONTEXT.aws_request_id, [CONTEXT.aws_request_id])
    assert built.manifest.release in headers["x-lookalike-release"]


@pytest.mark.parametrize("name", ["http_v1_post_photo", "http_v2_post_photo"])
def test_photos_in_base64_forms_are_answered(handler: Handler, name: str, photo: bytes):
    as_recorded = handler(recorded(name), CONTEXT)
    assert as_recorded["statusCode"] == 200
    assert len(schemas.PredictAnswer.model_validate_json(as_recorded["body"]).results) == 3
    answer = handler(post_photo(name, photo), CONTEXT)
    assert json.loads(answer["body"])["image_labels"][0] == "003a"


@pytest.mark.parametrize("name", ["http_v1_post_photo", "http_v2_post_photo"])
def test_a_large_photo_arrives_whole(handler: Handler, name: str, photo: bytes):
    # A decoder ignores bytes after the end of a JPEG.
    padded = photo + random.Random(0).randbytes(3_000_000)
    answer = handler(post_photo(name, padded), CONTEXT)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["image_labels"][0] == "003a"


@pytest.mark.parametrize("name", ["http_v1_post_photo", "http_v2_post_photo"])
def test_problems_are_text(handler: Handler, name: str):
    answer = handler(post_photo(name, b"no photo"), CONTEXT)
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (415, False)
    assert json.loads(answer["body"])["status"] == 415


def test_a_body_over_the_limit_is_refused(handler: Handler):
    answer = handler(post_photo("http_v2_post_photo", bytes(4 * 1024 * 1024)), CONTEXT)
    assert answer["statusCode"] == 413
    assert "4,194,304" in json.loads(answer["body"])["detail"]


@pytest.mark.parametrize("path", ["/", "/static/app.js"])
def test_pages_are_compressed_for_browsers_that_say_so(handler: Handler, path: str):
    assert handler(get("/release"), CONTEXT)["statusCode"] == 200  # loaded: until then, the page is another one
    event = get(path)
    headers = {name: value for name, value in event["headers"].items() if name.lower() != "accept-encoding"}
    plain = handler({**event, "headers": headers}, CONTEXT)
    assert (plain["statusCode"], plain["isBase64Encoded"]) == (200, False)
    packed = handler({**event, "headers": {**headers, "accept-encoding": "gzip, br"}}, CONTEXT)
    assert (packed["headers"]["content-encoding"], packed["isBase64Encoded"]) == ("gzip", True)
    assert gzip.decompress(base64.b64decode(packed["body"])).decode() == plain["body"]


def test_photos_are_base64(handler: Handler, photo: bytes):
    answer = handler(get("/images/003a"), CONTEXT)
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)
    assert base64.b64decode(answer["body"]) == photo


def test_a_warm_up_loads_the_release(handler: Handler, built: BuiltRelease):
    assert handler({"warmup": True}, CONTEXT) == {"release": built.manifest.release}


def test_a_provisioned_instance_is_ready_only_when_its_release_is_loaded(
    shop: FolderStore, built: BuiltRelease, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "provisioned-concurrency")
    monkeypatch.setenv("LOOKALIKE_READY_WAIT_SECONDS", "0")  # so that no request could wait for it
    handler_of(shop, monkeypatch)
    import lambda_app.handler

    loaded = lambda_app.handler.live.peek()
    assert loaded is not None
    assert loaded.release == built.manifest.release


def test_a_provisioned_instance_starts_although_nothing_is_promoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "provisioned-concurrency")
    handler = handler_of(FolderStore(tmp_path), monkeypatch)
    assert handler(recorded("http_v2_get"), CONTEXT)["statusCode"] == 503


def test_a_release_goes_live_between_invocations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built: BuiltRelease, other: BuiltRelease
):
    store = FolderStore(tmp_path)
    monkeypatch.setenv("LOOKALIKE_RELOAD_SECONDS", "0")
    monkeypatch.setenv("LOOKALIKE_RELOAD_WAIT_SECONDS", "20")
    handler = handler_of(store, monkeypatch)
    assert handler(recorded("http_v2_get"), CONTEXT)["statusCode"] == 503
    assert handler({"warmup": True}, CONTEXT) == {
        "release": None,
        "reason": "nothing has been promoted to the store yet",
    }
    for release in (built, other):
        publish_directly(store, release.folder, release.manifest)
        answer = handler(recorded("http_v2_get"), CONTEXT)
        assert answer["headers"]["x-lookalike-release"] == release.manifest.release


def test_garbage_collection_is_enabled_after_the_imports(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    handler_of(store, monkeypatch)
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_a_log_line_names_the_run_of_the_function_beside_the_id_that_a_client_chose(handler: Handler, capsys):
    event = get("/healthcheck")
    event["headers"] = {**event["headers"], "x-request-id": "chosen-by-the-client"}
    assert handler(event, CONTEXT)["headers"]["x-request-id"] == "chosen-by-the-client"
    (line,) = (json.loads(text) for text in capsys.readouterr().out.splitlines() if "chosen-by-the-client" in text)
    assert line["invocation"] == CONTEXT.aws_request_id


def test_a_signed_change_reaches_the_log_and_the_promoter_and_no_other_caller_s_does(
    monkeypatch: pytest.MonkeyPatch, s3: S3Server, tmp_path: Path, built: BuiltRelease
):
    """From the events of API Gateway by the log in a bucket to the release that the event of the log makes live."""
    monkeypatch.setenv("LOOKALIKE_CATALOGUE_WRITES", "iam")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = s3.store("", tmp_path / "cache")
    publish_directly(store, built.folder, built.manifest)
    handler = handler_of(f"s3://{BUCKET}", monkeypatch)

    def sent(route: str, authorizer: dict[str, Any]) -> dict[str, Any]:
        event = get("/items/000a")
        event["requestContext"]["http"]["method"] = "DELETE"
        event["requestContext"]["authorizer"] = authorizer
        return handler({**event, "routeKey": route}, CONTEXT)

    signed = {"iam": {"userArn": "arn:aws:iam::111122223333:role/backend"}}
    assert sent("$default", {"jwt": {"claims": {"sub": "shopper"}}})["statusCode"] == 403
    assert sent("$default", signed)["statusCode"] == 403
    assert not store.exists("changes/000000000001.jsonl")
    answer = sent("DELETE /items/{proxy+}", signed)
    assert (answer["statusCode"], json.loads(answer["body"])) == (202, {"entry": 1, "changes": 1})
    assert b"role/backend" in store.read("changes/000000000001.jsonl")
    promoter._configured.cache_clear()
    done = promoter.handler(object_created("changes/000000000001.jsonl"), CONTEXT)
    promoter._configured.cache_clear()
    assert (done["outcome"], "1 change applied" in done["detail"]) == ("live", True)
