import json
from typing import Any
from urllib.parse import urlparse

import pytest
import requests
from requests.adapters import BaseAdapter

from client.answers import Neighbour
from client.api import LookalikeClient
from client.errors import ClientError
from tests.releases import CATEGORIES, DIM


@pytest.fixture
def session():
    with requests.Session() as session:
        yield session


@pytest.fixture
def client(served, session):
    return LookalikeClient(served.url, session)


class Canned(BaseAdapter):
    """Answers every request with the same status and body, or raises."""

    def __init__(self, status: int = 200, body: bytes = b"", failure: Exception | None = None) -> None:
        super().__init__()
        self.status, self.body, self.failure = status, body, failure
        self.urls: list[str] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        assert request.url is not None
        self.urls.append(request.url)
        if self.failure:
            raise self.failure
        response = requests.Response()
        response.status_code, response.reason, response.url = self.status, "In words", request.url
        response._content = self.body
        return response

    def close(self):
        """Do nothing: no connection is open."""


def canned(session, **answer) -> tuple[LookalikeClient, Canned]:
    adapter = Canned(**answer)
    session.mount("https://api.example", adapter)
    return LookalikeClient("https://api.example/stage/", session), adapter


def test_the_four_original_routes_answer(client, served):
    photo = served.photos["003a"]
    assert client.healthcheck() == "API is up and running!"
    category = client.category(photo)
    assert CATEGORIES[category.category_index] == category.category == category.probabilities[0].category
    features = client.feature_embedding(photo)
    assert len(features.features) == len(CATEGORIES)
    assert len(features.embedding) == DIM
    similar = client.similar_images(photo, k=4)
    assert len(similar.similar_index) == len(similar.image_labels) == len(similar.results) == 4
    assert similar.image_labels[0] == "003a"
    assert similar.results[0].score == pytest.approx(1, abs=1e-3)


def test_the_number_of_neighbours_can_be_chosen(client, served):
    assert len(client.similar_images(served.photos["000a"], k=7).results) == 7


def test_the_photo_of_a_neighbour_is_fetched_from_its_relative_address(client, served):
    (nearest,) = client.similar_images(served.photos["005a"], k=1).results
    assert not urlparse(nearest.photo).netloc
    assert client.photo(nearest) == served.photos["005a"].read_bytes()


def test_an_absolute_photo_address_is_used_unchanged(session):
    client, adapter = canned(session, body=b"photo")
    near = Neighbour(
        image_id="1",
        product_id="p",
        score=0.9,
        category="c",
        title=None,
        price=None,
        photo="https://api.example/elsewhere/1.jpg",
    )
    assert client.photo(near) == b"photo"
    assert adapter.urls == ["https://api.example/elsewhere/1.jpg"]


def test_routes_are_relative_to_the_path_of_the_deployment(session):
    client, adapter = canned(session, body=b'{"message": "up"}')
    assert client.healthcheck() == "up"
    assert adapter.urls == ["https://api.example/stage/healthcheck"]


def test_an_error_contains_the_message_of_the_service(client, served, tmp_path):
    text = tmp_path / "photo.jpg"
    text.write_text("no photo at all")
    with pytest.raises(ClientError, match=r"/predict/category answered 415: .*JPEG, PNG"):
        client.category(text)
    with pytest.raises(ClientError, match=r"answered 422: k is 0"):
        client.similar_images(served.photos["000a"], k=0)


def test_an_api_without_a_release_reports_it(empty, served, session):
    client = LookalikeClient(empty, session, retries=0)
    assert client.healthcheck() == "API is up and running!"
    with pytest.raises(ClientError, match="answered 503: nothing has been promoted"):
        client.category(served.photos["000a"])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"message": "Forbidden"}', "Forbidden"),
        (b'{"detail": "not you", "message": "Forbidden"}', "not you"),
        (b"<html>", "In words"),
        (b"[1]", "In words"),
        (b"", "In words"),
    ],
)
def test_an_error_of_the_gateway_is_reported_with_its_reason(session, body, reason):
    client, _ = canned(session, status=403, body=body)
    with pytest.raises(ClientError, match=f"answered 403: {reason}$"):
        client.healthcheck()


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", json.dumps({"message": 1}).encode()])
def test_an_answer_of_another_service_is_an_error(session, body):
    client, _ = canned(session, body=body)
    with pytest.raises(ClientError, match=r"stage/healthcheck is no Lookalike API"):
        client.healthcheck()


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (requests.ConnectTimeout("slow"), "did not answer within"),
        (requests.ReadTimeout("slow"), "did not answer within"),
        (requests.ConnectionError("refused"), "nothing answers at https://api.example/stage;"),
        (requests.TooManyRedirects("30 redirects"), "cannot be called: 30 redirects"),
    ],
)
def test_network_failures_are_reported(session, failure, words):
    client, _ = canned(session, failure=failure)
    with pytest.raises(ClientError, match=words) as caught:
        client.healthcheck()
    assert (caught.value.status, caught.value.detail) == (None, str(caught.value))


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "localhost:8000", "nowhere", ""])
def test_an_address_without_a_scheme_is_an_error(session, url):
    with pytest.raises(ClientError, match="is no address; it takes one such as https://"):
        LookalikeClient(url, session).healthcheck()


def test_a_missing_photo_file_is_an_os_error(client, tmp_path):
    with pytest.raises(FileNotFoundError):
        client.category(tmp_path / "none.jpg")
