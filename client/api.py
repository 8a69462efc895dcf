"""The API from outside: its four original routes, called as the clients of the service that it replaces call them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin

import requests
from pydantic import BaseModel, ValidationError

# Seconds to connect, and to wait for an answer: API Gateway gives a cold function 30.
TIMEOUT = (5, 35)

AnyAnswer = TypeVar("AnyAnswer", bound=BaseModel)


class ClientError(Exception):
    """The API gave no usable answer; the message is meant for a person."""


class Health(BaseModel):
    """What /healthcheck answers."""

    message: str


class CategoryProbability(BaseModel):
    """One category and its probability, in [0, 1]."""

    category: str
    probability: float


class CategoryAnswer(BaseModel):
    """What /predict/category answers; `probabilities` are the most likely first."""

    category_index: int
    category: str
    probabilities: list[CategoryProbability]


class FeaturesAnswer(BaseModel):
    """What /predict/feature_embedding answers: a logit per category, and the L2-normalised embedding (d floats)."""

    features: list[float]
    embedding: list[float]


class Neighbour(BaseModel):
    """A similar listing; `score` is a cosine, `photo` an address, absolute or relative to the API's."""

    image_id: str
    score: float
    category: str
    title: str | None
    price: float | None
    photo: str


class SimilarAnswer(BaseModel):
    """What /predict/similar_images answers, the most similar first; `image_labels` are image ids."""

    similar_index: list[int]
    image_labels: list[str]
    results: list[Neighbour]


class LookalikeClient:
    """Calls one deployment. Every method raises ClientError where no usable answer comes."""

    def __init__(self, url: str, session: requests.Session) -> None:
        """Call the API at `url`, scheme included; the session carries whatever headers or auth it needs."""
        self.url = url.rstrip("/")
        self._session = session

    def healthcheck(self) -> str:
        """The service's word that it is up; it needs no model for that."""
        return self._read(self._send("GET", "/healthcheck"), Health).message

    def category(self, photo: Path) -> CategoryAnswer:
        """The category of a photo file. Raises OSError where the file cannot be read; so do the next two."""
        return self._read(self._post("/predict/category", photo), CategoryAnswer)

    def feature_embedding(self, photo: Path) -> FeaturesAnswer:
        """The logits and the embedding of a photo file."""
        return self._read(self._post("/predict/feature_embedding", photo), FeaturesAnswer)

    def similar_images(self, photo: Path, k: int) -> SimilarAnswer:
        """The k listings most similar to a photo file."""
        return self._read(self._post("/predict/similar_images", photo, {"k": k}), SimilarAnswer)

    def photo(self, neighbour: Neighbour) -> bytes:
        """A listing's photo, redirects followed."""
        return self._send("GET", neighbour.photo).content

    def _post(self, route: str, photo: Path, query: Mapping[str, int] | None = None) -> requests.Response:
        with photo.open("rb") as file:
            return self._send("POST", route, params=query, files={"file": file})

    def _send(self, method: str, address: str, **request: object) -> requests.Response:
        # A route lies below the deployment's own path; a photo's address may be anywhere.
        url = self.url + address if address.startswith("/") else urljoin(self.url + "/", address)
        try:
            response = self._session.request(method, url, timeout=TIMEOUT, **request)  # type: ignore[arg-type]
        except requests.Timeout as exc:
            raise ClientError(f"{url} did not answer within {TIMEOUT[1]} s") from exc
        except requests.ConnectionError as exc:
            raise ClientError(f"nothing answers at {self.url}; is the service running?") from exc
        except requests.RequestException as exc:
            raise ClientError(f"{url} cannot be called: {exc}") from exc
        if not response.ok:
            raise ClientError(f"{url} answered {response.status_code}: {_reason(response)}")
        return response

    def _read(self, response: requests.Response, model: type[AnyAnswer]) -> AnyAnswer:
        try:
            return model.model_validate_json(response.content)
        except ValidationError as exc:
            error = exc.errors()[0]
            where = ".".join(str(part) for part in error["loc"]) or "the body"
            raise ClientError(f"{response.url} is no Lookalike API: in its answer, {where}: {error['msg']}") from exc


def _reason(response: requests.Response) -> str:
    """The problem's `detail` (RFC 9457), a gateway's `message`, or the status in words."""
    try:
        body = response.json()
    except requests.JSONDecodeError:
        body = None
    fields = body if isinstance(body, dict) else {}
    return str(fields.get("detail") or fields.get("message") or response.reason)
