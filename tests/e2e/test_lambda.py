import base64
import io
import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import onnx
import pytest
import requests
from fastapi.testclient import TestClient
from PIL import Image

from lambda_app.api.app import create_app
from lambda_app.api.messages import schemas
from lambda_app.release.manifest import Manifest, file_entry
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from lambda_app.store.ranged_download import PART_BYTES
from tests.e2e.conftest import API
from tests.e2e.lambda_process import SECRET, SESSION, HttpAnswer
from tests.lambda_app.conftest import BuiltRelease
from tests.lambda_events import get, post_json, post_photo
from tests.releases import CREATED_AT, build_release, encode, publish_directly
from tests.waiting import until

pytestmark = pytest.mark.slow

SIMILAR = get("/items/003a/similar")


def enlarged(photo: bytes, side: int) -> bytes:
    """The photo enlarged with noise, as a PNG of about 2.4 bytes per pixel."""
    noise = np.random.default_rng(0).normal(0, 20, (side, side, 3))
    pixels = np.asarray(Image.open(io.BytesIO(photo)).resize((side, side))) + noise
    return encode(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), "PNG", compress_level=1)


def in_process(built: BuiltRelease, folder: Path, photo: bytes) -> schemas.PredictAnswer:
    """The application's answer to a photo without Lambda, S3 and base64."""
    store = FolderStore(folder)
    publish_directly(store, built.folder, built.manifest)
    with TestClient(create_app(Settings(store=str(store), threads=1), store)) as client:
        return schemas.PredictAnswer.model_validate(client.post("/predict?k=3", files={"file": photo}).json())


def build_large_release(folder: Path, parts: int) -> Manifest:
    """A newer release whose model is downloaded in this number of parts."""
    manifest = build_release(folder, seed=1, created_at=CREATED_AT + timedelta(days=1))
    network = onnx.load(folder / "model.onnx")
    network.metadata_props.add(key="padding", value="x" * (parts * PART_BYTES - PART_BYTES // 2))
    onnx.save(network, folder / "model.onnx")
    model = manifest.model.model_copy(update=file_entry(folder / "model.onnx"))
    manifest = manifest.model_copy(update={"model": model})
    (folder / "manifest.json").write_bytes(manifest.to_json())
    return manifest


def test_the_page_gets_its_sign_in_and_may_call_its_provider(start):
    # As cdk/serving/api.py sets them for auth=cognito.
    issuer, host = (
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_1",
        "https://l.auth.eu-west-1.amazoncognito.com",
    )
    process = start(
        API,
        "sign-in",
        LOOKALIKE_AUTH="cognito",
        LOOKALIKE_OIDC_ISSUER=issuer,
        LOOKALIKE_OIDC_CLIENT_ID="page",
        LOOKALIKE_OIDC_SCOPES="openid email",
        LOOKALIKE_OIDC_ORIGINS=host,
    )
    sign_in = {"issuer": issuer, "client_id": "page", "scopes": "openid email"}
    config = process.request(get("/config.json")).json()
    assert (config["auth"], config["sign_in"]) == ("cognito", sign_in)
    policy = process.request(get("/")).headers["content-security-policy"]
    assert f"connect-src 'self' https://cognito-idp.eu-west-1.amazonaws.com {host}" in policy


def test_a_process_is_healthy_before_anything_is_promoted_and_ready_after(start, open_prefix, built):
    process = start(API, "empty")
    health = process.request(get("/healthcheck"))
    assert (health.status, health.json()) == (200, {"message": "API is up and running!"})
    waiting = process.request(get("/readyz"))
    assert (waiting.status, waiting.encoded) == (503, False)
    assert waiting.headers["content-type"] == "application/problem+json"
    assert "nothing has been promoted" in schemas.Problem.model_validate(waiting.json()).detail
    publish_directly(open_prefix("empty"), built.folder, built.manifest)
    ready = process.request(get("/readyz"))
    assert (ready.status, ready.json()["release"]) == (200, built.manifest.release)


def test_the_first_request_of_a_process_loads_the_release(start, s3, shop, built):
    process = start(API, "shop")
    before = len(s3.requests)
    answer = process.request(post_photo("http_v2_post_photo", built.photo("003a"), "/predict/similar_images"))
    assert answer.status == 200
    assert schemas.SimilarAnswer.model_validate(answer.json()).image_labels[0] == "003a"
    assert (answer.release, answer.headers["x-request-id"]) == (built.manifest.release, answer.request_id)
    fetched = {request.key for request in s3.requests[before:]}
    assert fetched >= {f"shop/objects/{entry.sha256}" for entry in built.manifest.serving_files()}


def test_a_process_that_cannot_start_reports_the_setting(start):
    error = start(API, "unset", LOOKALIKE_STORE="").init_error()
    assert error["errorType"] == "SettingsError"
    assert "LOOKALIKE_STORE is not set" in error["errorMessage"]


@pytest.mark.parametrize("event", ["http_v1_post_photo", "http_v2_post_photo"])
def test_three_megabytes_in_base64_get_the_same_answer_as_without_lambda(api, built, tmp_path, event):
    photo = enlarged(built.photo("003a"), 1130)
    assert 3_000_000 < len(photo) < 3_500_000
    answer = api.request(post_photo(event, photo))
    assert answer.status == 200
    found, expected = schemas.PredictAnswer.model_validate(answer.json()), in_process(built, tmp_path, photo)
    assert found.image_labels[0] == "003a"
    assert (found.category, found.image_labels) == (expected.category, expected.image_labels)
    assert found.embedding == pytest.approx(expected.embedding, abs=1e-6)


def test_a_body_over_the_limit_is_refused(api):
    answer = api.request(post_photo("http_v2_post_photo", bytes(4 << 20)))
    assert (answer.status, answer.encoded) == (413, False)
    assert "4,194,304" in schemas.Problem.model_validate(answer.json()).detail


def test_an_unchanged_pointer_costs_one_conditional_read(api, s3):
    assert api.request(SIMILAR).status == 200
    before = len(s3.requests)
    assert api.request(SIMILAR).status == 200
    (look,) = (request for request in s3.requests[before:] if request.key != "shop/blocked.json")
    assert (look.method, look.key, look.status) == ("GET", "shop/live.json", 304)
    assert look.condition


def test_the_release_stays_live_when_s3_cannot_read_the_pointer(api, s3, built):
    assert api.request(SIMILAR).status == 200
    with s3.holding(lambda request: request.key == "shop/live.json", share=0) as held:
        answers = [api.request(SIMILAR) for _ in range(2)]
        begun = len(held.requests)
        until(lambda: "the live pointer cannot be read" in api.text("stderr"), "S3 is given up")
    assert [(answer.status, answer.release) for answer in answers] == [(200, built.manifest.release)] * 2
    assert begun == 1  # the answers did not wait for the second try
    assert len(held.requests) == 2
    assert api.request(SIMILAR).status == 200


def test_a_photo_over_the_limit_of_lambda_uses_a_presigned_upload(api, built):
    photo = enlarged(built.photo("003a"), 1750)
    assert len(photo) > 6 << 20
    ticket = schemas.UploadAnswer.model_validate(
        api.request(post_json("/uploads", {"content_type": "image/png"})).json()
    )
    missing = api.request(post_json("/predict/similar_images", {"upload": ticket.key}))
    assert missing.status == 404
    sent = requests.post(ticket.url, data=ticket.fields, files={"file": ("photo.png", photo)}, timeout=10)
    assert sent.status_code == 204
    answer = api.request(post_json("/predict/similar_images", {"upload": ticket.key}))
    assert (answer.status, answer.json()["image_labels"][0]) == (200, "003a")


def test_a_photo_of_the_catalog_is_fetched_directly_from_s3(api, built):
    answer = api.request(get("/images/003a"))
    assert answer.status == 307
    fetched = requests.get(answer.headers["location"], timeout=10)
    assert (fetched.status_code, fetched.content) == (200, built.photo("003a"))
    result = api.request(SIMILAR).json()["results"][0]
    assert requests.get(result["photo"], timeout=10).content == built.photo(result["image_id"])


def test_a_load_interrupted_by_a_freeze_resumes_with_the_next_requests(start, open_prefix, s3, built, tmp_path):
    store = open_prefix("frozen")
    publish_directly(store, built.folder, built.manifest)
    process = start(API, "frozen", LOOKALIKE_RELOAD_WAIT_SECONDS="0.3")
    assert process.request(SIMILAR).release == built.manifest.release
    large = build_large_release(tmp_path, parts=4)
    publish_directly(store, tmp_path, large)
    model = f"frozen/objects/{large.model.sha256}"

    def asked(begin: int, end: int) -> int:
        return [r.key for r in s3.requests if r.range == f"bytes={begin}-{end - 1}"].count(model)

    parts = [(begin, min(begin + PART_BYTES, large.model.bytes)) for begin in range(0, large.model.bytes, PART_BYTES)]
    with s3.holding(lambda request: request.key == model and request.range[:8] != "bytes=0-") as held:
        meanwhile = process.request(SIMILAR)
        assert (meanwhile.status, meanwhile.release) == (200, built.manifest.release)
        until(lambda: len(held.requests) == 3 and asked(*parts[0]) == 1, "three of four parts half-way")
        process.freeze()
        held.cut()
        process.thaw()
    answers: list[HttpAnswer] = []

    def new_release_answers() -> bool:
        answers.append(process.request(SIMILAR))
        return answers[-1].release == large.release

    until(new_release_answers, "the new release")
    assert {answer.status for answer in answers} == {200}
    assert {answer.release for answer in answers} <= {built.manifest.release, large.release}
    assert [asked(*part) for part in parts] == [1, 1, 1, 1]
    # The first half of each part arrived before the connections broke, so it is not downloaded again.
    halves = [((begin + end) // 2, end) for begin, end in parts]
    assert [asked(*half) for half in halves] == [0, 1, 1, 1]


def test_logs_describe_requests_without_private_data(api, built):
    photo = built.photo("003a")
    predicted = api.request(post_photo("http_v2_post_photo", photo))
    redirect = api.request(get("/images/003a"))
    ticket = api.request(post_json("/uploads", {"content_type": "image/jpeg"})).json()
    lost = api.request(post_json("/predict", {"upload": ticket["key"]}))
    unmatched = api.request(get("/a-path/of-the-caller-s"))
    assert [answer.status for answer in (predicted, redirect, lost, unmatched)] == [200, 307, 404, 404]

    lines = [json.loads(line) for line in api.text("stderr").splitlines()]
    answered = [line for line in lines if "cold_start" in line]
    assert [line["cold_start"] for line in answered] == [True] + [False] * (len(answered) - 1)
    (line,) = api.logged("stderr", predicted.request_id)
    assert (line["level"], line["service"], line["route"], line["status"]) == ("INFO", "api", "/predict", 200)
    assert line["release"] == predicted.release == built.manifest.release

    metrics = [json.loads(line) for line in api.text("stdout").splitlines()]
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Lookalike" for line in metrics)
    (line,) = api.logged("stdout", predicted.request_id)
    assert {"Decode", "Inference", "Search", "Total", "ColdStart", "TopScore"} <= line.keys()
    assert (line["category"], line["ColdStart"]) == (predicted.json()["category"], 0)
    assert {name["Name"] for name in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]} <= line.keys()
    assert 0 < line["Decode"] + line["Inference"] + line["Search"] < line["Total"]

    written = api.text("stderr") + api.text("stdout")
    encoded = base64.b64encode(photo).decode()
    middle = len(encoded) // 2
    hidden = (SECRET, SESSION, encoded[:40], encoded[middle : middle + 40], ticket["key"], ticket["fields"]["policy"])
    assert [text for text in (*hidden, "X-Amz-", "x-amz-", "Signature", "/a-path/") if text in written] == []
