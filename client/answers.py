"""The answers of the API. Fields that a newer API adds are kept, as attributes and in `model_dump`."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Base class of all answers."""

    model_config = ConfigDict(extra="allow")


class Health(Answer):
    """The answer of GET /healthcheck."""

    message: str


class Ready(Answer):
    """The answer of GET /readyz."""

    status: str
    release: str


class Release(Answer):
    """The answer of GET /release: what is live. `currency` is the ISO 4217 code of all prices, or None."""

    release: str
    previous: str | None
    created_at: datetime
    promoted_at: datetime
    categories: list[str]
    count: int
    embedding_dim: int
    currency: str | None = None
    words: bool = False
    same_photo: bool = False


class CategoryProbability(Answer):
    """One category and its probability, in [0, 1]."""

    category: str
    probability: float


class CategoryAnswer(Answer):
    """The answer of POST /predict/category. `probabilities` has the most probable category first."""

    category_index: int
    category: str
    probabilities: list[CategoryProbability]


class FeaturesAnswer(Answer):
    """The answer of POST /predict/feature_embedding: a logit per category; the L2-normalised embedding (d floats)."""

    features: list[float]
    embedding: list[float]


class Listing(Answer):
    """A photo of a listing. `photo` is a URL, absolute or relative to that of the API; `price` is in `currency`."""

    image_id: str
    product_id: str
    category: str
    title: str | None
    price: float | None
    location: str | None = None
    photo: str
    currency: str | None = None


class Item(Listing):
    """The answer of GET /items/{image_id}."""

    description: str | None = None


class Neighbour(Listing):
    """A result. `score` is a cosine, None for a search by words alone; `same_photo` is None if that is not known."""

    score: float | None
    same_photo: bool | None = None


class SimilarAnswer(Answer):
    """Listings, best first. `similar_index` holds their rows, `image_labels` their image ids."""

    similar_index: list[int]
    image_labels: list[str]
    results: list[Neighbour]


class BrowseAnswer(SimilarAnswer):
    """The answer of GET /items. `next` is the `after` of the next page; None on the last one."""

    next: int | None = None


class Examples(Answer):
    """The answer of GET /examples."""

    examples: list[Item]


class PredictAnswer(SimilarAnswer, FeaturesAnswer, CategoryAnswer):  # fields of the last base are the first in JSON
    """The answer of POST /predict: category, embedding and listings."""


class Problem(Answer):
    """An error (RFC 9457)."""

    title: str
    status: int
    detail: str


class BatchEntry(Answer):
    """What a batch says about one photo: `prediction` if `status` is 200, else `error`."""

    filename: str | None
    status: int
    prediction: PredictAnswer | None = None
    error: Problem | None = None


class BatchAnswer(Answer):
    """The answer of POST /predict/batch, in the order of the photos."""

    entries: list[BatchEntry]


class Ticket(Answer):
    """The answer of POST /uploads: POST `fields` and then `file` to `url`."""

    url: str
    fields: dict[str, str]
    key: str
    expires_at: datetime
    max_bytes: int


class Accepted(Answer):
    """A change is in the log, as entry `entry`; it will be applied."""

    entry: int
    changes: int
