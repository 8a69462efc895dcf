"""Calls the four original routes of the API in the same way as clients of the replaced service do."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin

import requests
from pydantic import BaseModel, ValidationError

# Timeouts in seconds: to connect, and for the answer. API Gateway waits 30 s for the function.
TIMEOUT = (5, 35)

AnyAnswer = TypeVar("AnyAnswer", bound=BaseModel)


class ClientError(Exception):
    """The API gave no usable answer. The message is written for people.

    Attributes:
        status: the HTTP status of an answer that is an error; None if there was no answer, or not a Lookalike API's.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        """Say what happened."""
        super().__init__(message)
        self.status = status


class Health(BaseModel):
    """The answer of /healthcheck."""

    message: str


class CategoryProbability(BaseModel):
    """One category and its probability, in [0, 1]."""

    category: str
    probability: float


class CategoryAnswer(BaseModel):
    """The answer of /predict/category. `probabilities` has the most likely category first."""

    category_index: int
    category: str
    probabilities: list[CategoryProbability]


class FeaturesAnswer(BaseModel):
    """The answer of /predict/feature_embedding: a logit per category, and the L2-normalised embedding (d floats)."""

    features: list[float]
    embedding: list[float]


class Neighbour(BaseModel):
    """A similar listing.

    Attributes:
        score: a cosine.
        currency: ISO 4217 code of the price.
        photo: a URL, absolute or relative to the URL of the API.
    """

    image_id: str
    score: float
    category: str
    title: str | None
    price: float | None
    currency: str | None = None
    photo: str


class SimilarAnswer(BaseModel):
    """The answer of /predict/similar_images, most similar first. `image_labels` holds image ids."""

    similar_index: list[int]
    image_labels: list[str]
    results: list[Neighbour]


class LookalikeClient:
    """Calls one deployment. Every method raises ClientError if it gets no usable answer."""

    def __init__(self, url: str, session: requests.Session) -> None:
        """Call the API at `url` (with scheme). The session holds the headers and the auth that the API requires."""
        self.url = url.rstrip("/")
        self._session = session

    def healthcheck(self) -> str:
        """The message of the health check, which needs no model."""
        return self._read(self._send("GET", "/healthcheck"), Health).message

    def category(self, photo: Path) -> CategoryAnswer:
        """The category of a photo file. This and the next two methods raise OSError if the file cannot be read."""
        return self._read(self._post("/predict/category", photo), CategoryAnswer)

    def feature_embedding(self, photo: Path) -> FeaturesAnswer:
        """The logits and the embedding of a photo file."""
        return self._read(self._post("/predict/feature_embedding", photo), FeaturesAnswer)

    def similar_images(self, photo: Path, k: int) -> SimilarAnswer:
        """The k listings most similar to a photo file."""
        return self._read(self._post("/predict/similar_images", photo, {"k": k}), SimilarAnswer)

    def photo(self, neighbour: Neighbour) -> bytes:
        """The photo of a listing. Redirects are followed."""
        return self._send("GET", neighbour.photo).content

    def _post(self, route: str, photo: Path, query: Mapping[str, int] | None = None) -> requests.Response:
        with photo.open("rb") as file:
            return self._send("POST", route, params=query, files={"file": file})

    def _send(self, method: str, address: str, **request: object) -> requests.Response:
        # Routes are below the path of the deployment; the URL of a photo can be anywhere.
        url = self.url + address if address.startswith("/") else urljoin(self.url + "/", address)
        try:
            response = self._session.request(method, url, timeout=TIMEOUT, **request)  # type: ignore[arg-type]
        except requests.Timeout as exc:
            raise ClientError(f"{url} did not answer within {TIMEOUT[1]} s") from exc
        except requests.ConnectionError as exc:
            raise ClientError(f"nothing answers at {self.url}; is the service running?") from exc
        except (requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema) as exc:
            raise ClientError(f"{url} is no address; it takes one such as https://search.shop.example") from exc
        except requests.RequestException as exc:
            raise ClientError(f"{url} cannot be called: {exc}") from exc
        if not response.ok:
            raise ClientError(f"{url} answered {response.status_code}: {_reason(response)}", response.status_code)
        return response

    def _read(self, response: requests.Response, model: type[AnyAnswer]) -> AnyAnswer:
        try:
            return model.model_validate_json(response.content)
        except ValidationError as exc:
            error = exc.errors()[0]
            where = ".".join(str(part) for part in error["loc"]) or "the body"
            raise ClientError(
                f"{response.url} is no Lookalike API: its answer is invalid at {where}: {error['msg']}"
            ) from exc


def _reason(response: requests.Response) -> str:
    """`detail` of a problem (RFC 9457), else `message` of a gateway, else the reason phrase of the status."""
    try:
        body = response.json()
    except requests.JSONDecodeError:
        body = None
    fields = body if isinstance(body, dict) else {}
    return str(fields.get("detail") or fields.get("message") or response.reason)
