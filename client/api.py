"""A function for each route of the API."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from time import sleep as wait
from types import TracebackType
from typing import Any, Literal, TypedDict, Unpack
from urllib.parse import quote

import requests
from requests.auth import AuthBase

from client import answers
from client.errors import ClientError
from client.photos import Photo, Photos, Uploaded, media_type, read_photos, several
from client.transport import AnyAnswer, Transport

# A form with more bytes does not fit in a request of a service with its default settings (4 MiB).
LARGE = 4_000_000
NO_UPLOADS = 501  # the status of a service whose store is a folder


class Listed(TypedDict, total=False):
    """Which listings, and how many. What is left out has the default of the API."""

    k: int
    category: str
    min_price: float
    max_price: float
    distinct: Literal["product", "image"]


class Near(Listed, total=False):
    """The same for what is compared with a picture."""

    min_score: float


class Alike(Near, total=False):
    """The same, with words that the listings should have."""

    q: str


class Ranked(Near, total=False):
    """The same for a photo: with the order of the results."""

    rank: Literal["category", "cosine"]


class Asked(Ranked, Alike, total=False):
    """The same, with the part of the photo: `left,top,width,height`, each from 0 to 1."""

    box: str


class LookalikeClient:
    """Calls one deployment. Functions raise ClientError without a usable answer, OSError for a file they cannot read.

    A request that is answered 429 or 503 is sent again, after the seconds that the answer names, at most 30.
    """

    def __init__(
        self,
        url: str,
        session: requests.Session | None = None,
        *,
        auth: AuthBase | None = None,
        retries: int = 3,
        sleep: Callable[[float], None] = wait,
    ) -> None:
        """Call the API at `url`.

        Args:
            url: with scheme: `https://search.shop.example`.
            session: holds headers and auth that requests need, and is closed by its owner. Default: a new one.
            auth: `client.auth.Bearer` or `client.auth.Signature`. Default: that of the session.
            retries: how often a request is sent again; 0: never.
        """
        self._session = requests.Session() if session is None else session
        self._is_own = session is None
        self._api = Transport(url, self._session, auth, retries, sleep)
        self.url = self._api.url

    def __enter__(self) -> "LookalikeClient":
        """The client; it is closed at the end of the `with` statement."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections of the client's own session."""
        if self._is_own:
            self._session.close()

    def healthcheck(self) -> str:
        """The message of the health check, which needs no release."""
        return self._api.ask(answers.Health, "GET", "/healthcheck").message

    def ready(self) -> answers.Ready:
        """Wait until a release is loaded."""
        return self._api.ask(answers.Ready, "GET", "/readyz")

    def release(self) -> answers.Release:
        """The live release."""
        return self._api.ask(answers.Release, "GET", "/release")

    def report(self) -> str:
        """The evaluation report of the live release, as HTML."""
        return self._api.send("GET", "/release/report").content.decode()

    def predict(self, photos: Photos, **asked: Unpack[Asked]) -> answers.PredictAnswer:
        """Category, embedding and listings like a photo, or like up to 4 photos of the same thing."""
        return self._with_photos(answers.PredictAnswer, "/predict", photos, asked)

    def category(self, photo: Photo, **asked: Any) -> answers.CategoryAnswer:
        """The category of a photo. `k`: how many of the most probable ones (5); `box`: the part of the photo."""
        return self._with_photos(answers.CategoryAnswer, "/predict/category", photo, asked)

    def feature_embedding(self, photo: Photo, **asked: Any) -> answers.FeaturesAnswer:
        """The logits and the embedding of a photo. `box`: the part of the photo."""
        return self._with_photos(answers.FeaturesAnswer, "/predict/feature_embedding", photo, asked)

    def similar_images(self, photos: Photos, **asked: Unpack[Asked]) -> answers.SimilarAnswer:
        """The listings most like a photo, or like up to 4 photos of the same thing."""
        return self._with_photos(answers.SimilarAnswer, "/predict/similar_images", photos, asked)

    def duplicates(self, photos: Photos, **asked: Any) -> answers.SimilarAnswer:
        """The listings that show the same photo. `k`: at most this many (10); `box`: the part of the photo."""
        return self._with_photos(answers.SimilarAnswer, "/predict/duplicates", photos, asked)

    def batch(self, photos: Sequence[Photo], **asked: Unpack[Ranked]) -> answers.BatchAnswer:
        """A prediction or an error for each of many photos. They are not uploaded: together they fit in a request."""
        files = [("files", (photo.name, photo.data)) for photo in read_photos(photos)]
        return self._api.ask(answers.BatchAnswer, "POST", "/predict/batch", params=asked, files=files)

    def item(self, image_id: str) -> answers.Item:
        """A listing."""
        return self._api.ask(answers.Item, "GET", _path("/items/", image_id))

    def browse(self, after: int | None = None, **asked: Unpack[Listed]) -> answers.BrowseAnswer:
        """The catalogue, page by page; `after` is the `next` of the page before."""
        return self._api.ask(answers.BrowseAnswer, "GET", "/items", params={"after": after, **asked})

    def examples(self) -> list[answers.Item]:
        """Listings whose photos the model was not trained on, to try a search with."""
        return self._api.ask(answers.Examples, "GET", "/examples").examples

    def example(self, number: int) -> bytes:
        """The photo of an example, by its place in `examples`."""
        return self._api.send("GET", f"/examples/{number}").content

    def similar_items(self, image_id: str, **asked: Unpack[Alike]) -> answers.SimilarAnswer:
        """The listings most like a listing."""
        return self._api.ask(answers.SimilarAnswer, "GET", _path("/items/", image_id) + "/similar", params=asked)

    def search(self, q: str, **asked: Unpack[Listed]) -> answers.SimilarAnswer:
        """The listings that have these words; their `score` is None."""
        return self._api.ask(answers.SimilarAnswer, "GET", "/search", params={"q": q, **asked})

    def recommend(
        self, liked: Sequence[str], disliked: Sequence[str] = (), **asked: Unpack[Near]
    ) -> answers.SimilarAnswer:
        """Listings like those liked and unlike those disliked, both given by their image ids."""
        body = {"liked": list(liked), "disliked": list(disliked), **asked}
        return self._api.ask(answers.SimilarAnswer, "POST", "/recommend", json=body)

    def photo(self, listing: answers.Listing) -> bytes:
        """The photo of a listing. Redirects are followed."""
        return self._api.send("GET", listing.photo).content

    def image(self, image_id: str) -> bytes:
        """The photo with an image id. Redirects are followed."""
        return self._api.send("GET", _path("/images/", image_id)).content

    def upload(self, photo: Photo) -> Uploaded:
        """Send a photo that is too large for a request; then predict with what is returned. It is kept for a day."""
        (read,) = read_photos([photo])
        return self._upload(read.data)

    def put_item(self, image_id: str, fields: Mapping[str, Any], photo: Photo | None = None) -> answers.Accepted:
        """Add or replace a listing: `photo`, else the store's photo that `fields["photo"]` names."""
        if photo is None:
            return self._change("PUT", _path("/items/", image_id), json=dict(fields))
        (read,) = read_photos([photo])
        files = {"item": (None, json.dumps(dict(fields)), "application/json"), "file": (read.name, read.data)}
        return self._change("PUT", _path("/items/", image_id), files=files)

    def delete_item(self, image_id: str) -> answers.Accepted:
        """Remove a listing's photo from the catalogue."""
        return self._change("DELETE", _path("/items/", image_id))

    def change_items(self, changes: Sequence[Mapping[str, Any]]) -> answers.Accepted:
        """Add, change and remove many listings; each change is a line of the log (docs/design.md)."""
        return self._change("POST", "/items:batch", json={"changes": [dict(change) for change in changes]})

    def _with_photos(self, model: type[AnyAnswer], route: str, photos: Photos, asked: Mapping[str, Any]) -> AnyAnswer:
        given = several(photos)
        if given and all(isinstance(photo, Uploaded) for photo in given):
            return self._with_keys(model, route, given, asked)  # type: ignore[arg-type]
        read = read_photos(given)
        if sum(len(photo.data) for photo in read) > LARGE:
            try:
                keys = [self._upload(photo.data) for photo in read]
            except ClientError as exc:
                if exc.status != NO_UPLOADS:
                    raise  # else the store is a folder, and its service may take larger requests
            else:
                return self._with_keys(model, route, keys, asked)
        files = [("file", (photo.name, photo.data)) for photo in read]
        return self._api.ask(model, "POST", route, params=asked, files=files)

    def _with_keys(
        self, model: type[AnyAnswer], route: str, photos: Sequence[Uploaded], asked: Mapping[str, Any]
    ) -> AnyAnswer:
        keys = [photo.key for photo in photos]
        body = {"upload": keys[0]} if len(keys) == 1 else {"uploads": keys}
        return self._api.ask(model, "POST", route, params=asked, json=body)

    def _upload(self, data: bytes) -> Uploaded:
        ticket = self._api.ask(answers.Ticket, "POST", "/uploads", json={"content_type": media_type(data)})
        if len(data) > ticket.max_bytes:
            raise ClientError(f"the photo has {len(data):,} bytes; the limit of an upload is {ticket.max_bytes:,}")
        # S3 wants the file behind all other fields.
        self._api.send("POST", ticket.url, data=ticket.fields, files={"file": data})
        return Uploaded(ticket.key)

    def _change(self, method: str, route: str, **request: Any) -> answers.Accepted:
        # Sent again under the same key, a change is written once.
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._api.ask(answers.Accepted, method, route, headers=headers, **request)


def _path(route: str, image_id: str) -> str:
    # A slash may be a part of an image id.
    return route + quote(image_id, safe="/")
