"""The function as it is deployed behind the front door: a secret that requests carry, and photos at its address."""

import pytest

from tests.e2e.conftest import API
from tests.e2e.lambda_process import LambdaProcess
from tests.lambda_events import Event, get, post_photo

pytestmark = pytest.mark.slow

OLD, NEW = "0ld" * 16, "n3w" * 16
FRONT = "https://search.shop.example"


def through(event: Event, secret: str = NEW) -> Event:
    """The event as CloudFront causes it: API Gateway writes the names of headers in lower case."""
    return {**event, "headers": {**event["headers"], "x-lookalike-origin": secret}}


@pytest.fixture(scope="module")
def guarded(start, shop) -> LambdaProcess:
    return start(API, "shop", LOOKALIKE_ORIGIN_SECRET=f"{NEW},{OLD}", LOOKALIKE_PHOTOS_URL=FRONT)


def test_a_request_that_does_not_come_through_the_front_door_is_refused(guarded, built):
    for event in (
        get("/healthcheck"),
        get("/"),
        through(get("/items/003a"), "wrong"),
        post_photo("http_v2_post_photo", built.photo("003a")),
        post_photo("http_v1_post_photo", built.photo("003a")),
    ):
        answer = guarded.request(event)
        assert (answer.status, answer.encoded) == (403, False)
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_a_request_with_a_valid_secret_is_answered(guarded, built, secret):
    answer = guarded.request(through(post_photo("http_v2_post_photo", built.photo("003a")), secret))
    assert (answer.status, answer.json()["image_labels"][0]) == (200, "003a")


def test_photos_have_the_address_of_the_front_door(guarded):
    found = guarded.request(through(get("/items/003a"))).json()["photo"]
    assert found.startswith(f"{FRONT}/shop/datasets/")
    redirect = guarded.request(through(get("/images/003a")))
    assert (redirect.status, redirect.headers["location"]) == (307, found)


def test_the_warm_up_needs_no_secret(guarded, built):
    assert guarded.invoke({"warmup": True})[1] == {"release": built.manifest.release}


def test_no_secret_is_logged_whatever_is_asked(guarded):
    guarded.request(through(get("/healthcheck"), "wrong"))
    guarded.request(through(get("/healthcheck")))
    for stream in ("stdout", "stderr"):
        assert OLD not in guarded.text(stream)
        assert NEW not in guarded.text(stream)


def test_a_process_with_a_short_secret_does_not_start_and_does_not_show_it(start):
    error = start(API, "short", LOOKALIKE_ORIGIN_SECRET="tooshort").init_error()
    assert "LOOKALIKE_ORIGIN_SECRET: value 1 of 1 has 8 characters" in error["errorMessage"]
    assert "tooshort" not in str(error)
