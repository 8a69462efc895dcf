import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lambda_app.photo.preprocessing import load_rgb
from lambda_app.photo.rules import Preprocessing
from operate.smoke.drawn import SIDE, drawn_photo
from operate.smoke.messages import Answer, Request, Send
from operate.smoke.running import Outcome, run_checks
from operate.smoke.steps import STEPS

Fields = dict[str, Any]


def changed(send: Send, route: str, change: Callable[[Answer], Answer]) -> Send:
    """Asks the same service, which answers one route otherwise."""
    method, path = route.split()

    def ask(request: Request) -> Answer:
        answer = send(request)
        asked = request.path.partition("?")[0]
        return change(answer) if (request.method, asked) == (method, path) else answer

    return ask


def json_with(change: Callable[[Fields], object]) -> Callable[[Answer], Answer]:
    """Changes the JSON of an answer."""

    def apply(answer: Answer) -> Answer:
        fields = json.loads(answer.body)
        change(fields)
        return replace(answer, body=json.dumps(fields).encode())

    return apply


def failed(send: Send) -> dict[str, str]:
    """Notes of the checks that failed, by route."""
    return {one.route: one.note for one in run_checks(send, allow_empty=False) if not one.passed}


def test_a_sound_service_passes_every_check_and_its_answers_are_told(send):
    outcomes = {one.route: one for one in run_checks(send, allow_empty=False)}
    assert [one for one in outcomes.values() if not one.passed] == []
    assert list(outcomes) == [step.route for step in STEPS]
    assert outcomes["GET /release"].note == "40 photos, 13 categories"
    assert outcomes["POST /predict/similar_images"].note.startswith("4 results, the first with score ")
    assert outcomes["POST /uploads"].note == "none: the store is a folder"
    assert all(one.milliseconds is not None and one.milliseconds > 0 for one in outcomes.values())


def test_every_route_of_the_application_is_checked(client: TestClient):
    described = {
        f"{method.upper()} {path.replace(':path', '')}"
        for path, methods in client.get("/openapi.json").json()["paths"].items()
        for method in methods
    }
    pages = {"GET /", "GET /static/{name}", "GET /config.json", "GET /docs", "GET /openapi.json"}
    assert {step.route for step in STEPS} == described | pages


@pytest.mark.parametrize(
    ("route", "change", "note"),
    [
        ("GET /healthcheck", lambda answer: replace(answer, body=b"<html>"), "no JSON: <html>"),
        ("GET /release", json_with(lambda fields: fields.pop("categories")), "no usable 'categories'"),
        ("POST /predict/category", json_with(lambda fields: fields.update(category_index=13)), "there are 13 categ"),
        (
            "POST /predict/feature_embedding",
            json_with(lambda fields: fields.update(embedding=[2 * one for one in fields["embedding"]])),
            "length 2.000; it must be 1",
        ),
        ("POST /predict/feature_embedding", json_with(lambda fields: fields["features"].pop()), "12 features for 13"),
        ("POST /predict/similar_images", json_with(lambda fields: fields["results"].reverse()), "in the order"),
        ("POST /predict/similar_images", json_with(lambda fields: fields["results"].clear()), "0 results"),
        ("POST /predict", json_with(lambda fields: fields["embedding"].pop()), "has 15 numbers; the release says 16"),
        ("POST /predict", lambda _: Answer(500, {}, b'{"detail": "an error"}'), "500 an error"),
        ("POST /predict", lambda _: Answer(403, {}, b'{"message": "Forbidden"}'), "403 Forbidden"),
        ("POST /predict/batch", json_with(lambda fields: fields["entries"].pop()), "1 entries for 2 photos"),
        ("POST /predict/batch", json_with(lambda fields: fields["entries"][1].update(status=503)), "second.jpg: 503"),
        ("GET /search", json_with(lambda fields: fields.update(results=[])), "no result for the name"),
        ("GET /search", json_with(lambda fields: fields["results"][0].update(score=1)), "has a score"),
        ("POST /recommend", json_with(lambda fields: fields.update(results=[{}])), "not as described"),
        ("POST /uploads", lambda _: Answer(200, {}, b"[]"), "no JSON object"),
        ("GET /", lambda answer: replace(answer, body=b"<html>"), "names no static file"),
        ("GET /docs", lambda answer: replace(answer, body=b""), "empty"),
        ("GET /openapi.json", json_with(lambda fields: fields.update(paths=[])), "no usable 'paths'"),
    ],
)
def test_a_wrong_answer_fails_its_check_and_says_why(send, route, change, note):
    assert note in failed(changed(send, route, change))[route]


def test_a_photo_may_be_a_redirect_but_must_be_a_photo(send):
    (item,) = [one.note for one in run_checks(send, allow_empty=False) if one.route == "GET /items/{image_id}"]
    away, nowhere, page = (
        Answer(307, {"location": "https://bucket.example/a.jpg"}, b""),
        Answer(307, {"location": "javascript:"}, b""),
        Answer(200, {"content-type": "text/html"}, b"<html>"),
    )
    route = f"GET /images/{item}"
    assert failed(changed(send, route, lambda _: away)) == {}
    assert set(failed(changed(send, route, lambda _: nowhere))) == {"GET /images/{image_id}"}
    assert set(failed(changed(send, route, lambda _: page))) == {"GET /images/{image_id}"}


def test_without_a_search_result_the_routes_of_an_item_are_not_asked(send):
    paths: list[str] = []

    def without_search(request: Request) -> Answer:
        paths.append(request.path)
        return Answer(500, {}, b"") if request.path.startswith("/predict") else send(request)

    outcomes = {one.route: one for one in run_checks(without_search, allow_empty=False)}
    assert outcomes["GET /items/{image_id}"] == Outcome(
        "GET /items/{image_id}", False, "not asked: no earlier answer names one", None
    )
    assert not any(path.startswith(("/items/", "/images/")) for path in paths)


def test_the_drawn_photo_is_decoded_as_photos_are():
    pixels = load_rgb(drawn_photo(), Preprocessing(size=SIDE))
    assert pixels.shape == (SIDE, SIDE, 3)
    assert pixels.std() > 20
    assert len(drawn_photo()) < 20_000
