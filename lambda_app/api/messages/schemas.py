"""The public request and response models, as /openapi.json documents them.

Answers are built as plain dicts (`answers.py`), because validating thousands of floats takes longer than computing
them. Tests check the dicts against these models.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lambda_app.photo.rules import MEDIA_TYPES
from lambda_app.recommendation.query import MAX_PHOTOS
from lambda_app.release.manifest import IndexType
from lambda_app.store.contract import UPLOADS

Score = Annotated[float, Field(description="Cosine of the two embeddings, at most 1.", examples=[0.913])]

_CURRENCY: Any = Field(
    description="ISO 4217 code of all prices; null if the release does not say it.", examples=["EUR"]
)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Unprocessable Entity"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["k is 1000; it takes 1 to 100"])
    instance: str | None = Field(default=None, examples=["/predict/similar_images"])


class Health(_Answer):
    """The process is running. This does not say that a release is loaded."""

    message: str = Field(examples=["API is up and running!"])


class Ready(_Answer):
    """A release is loaded."""

    status: Literal["ready"]
    release: str = Field(examples=["20261122-204500-1a2b3c4d"])


class ReleaseAnswer(_Answer):
    """The live release."""

    release: str = Field(examples=["20261122-204500-1a2b3c4d"])
    previous: str | None = Field(description="The release that was live before; a rollback returns to it.")
    created_at: datetime
    promoted_at: datetime
    loaded_at: datetime = Field(description="When this process loaded it.")
    categories: list[str] = Field(description="Category names, in index order.")
    currency: str | None = _CURRENCY
    count: int = Field(description="Photos in the index.")
    embedding_dim: int
    image_size: int = Field(description="Side of the network's input, in pixels.")
    precision: Literal["float32", "int8"]
    index_type: IndexType | Literal["s3vectors"]
    category_weight: float = Field(
        description="Results for a photo rank by their cosine plus this times the probability of their category."
    )
    words: bool = Field(description="Whether it can be searched by words. Older releases cannot.")
    same_photo: bool = Field(description="Whether it can tell the same photo. Older releases cannot.")


class ChangeAnswer(_Answer):
    """A change is in the log of the catalogue, and will be applied."""

    entry: int = Field(description="The number of its entry in the log.", ge=1, examples=[12])
    changes: int = Field(description="How many changes the entry has.", ge=1, examples=[1])


class CategoryProbability(_Answer):
    """A category and its probability."""

    category: str
    category_index: int
    probability: float = Field(ge=0, le=1)


class CategoryAnswer(_Answer):
    """The category of a photo."""

    category_index: int = Field(examples=[2])
    category: str = Field(examples=["Clothes, Footwear & Accessories"])
    probabilities: list[CategoryProbability] = Field(description="Most probable first.")


class EmbeddingAnswer(_Answer):
    """The output of the network for a photo."""

    features: list[float] = Field(description="The class logits, one per category.")
    embedding: list[float] = Field(description="L2-normalised: the dot product of two is their cosine.")


class _Listing(_Answer):
    image_id: str
    product_id: str
    category: str
    title: str | None
    price: float | None = Field(description="In `currency`; null if the listing has no price.")
    currency: str | None = _CURRENCY
    location: str | None
    photo: str = Field(description="URL of the photo.", examples=["/images/0a1b2c"])


class Item(_Listing):
    """One photo of a listing."""

    description: str | None = Field(description="Plain text of the listing; null if it has none.")


class Result(_Listing):
    """A similar item."""

    score: Score
    same_photo: bool | None = Field(
        description="Whether it shows the same photo as the query, perhaps cropped, mirrored or saved anew. Null "
        "without a photo in the query, or if the release has no fingerprints."
    )


class SimilarAnswer(_Answer):
    """Similar items, best first: for photos by `rank`, else by score, and with `q` blended with the order of the words.

    The lists have the same order and length.
    """

    results: list[Result]
    similar_index: list[int] = Field(description="Their rows in the index.")
    image_labels: list[str] = Field(description="Their image ids.")


class Found(_Listing):
    """An item that has the words."""

    score: None = Field(description="Null: there is no picture to compare with.")
    same_photo: None = Field(description="Null, for the same reason.")


class SearchAnswer(_Answer):
    """Items that have the words, best first. The lists have the same order and length."""

    results: list[Found]
    similar_index: list[int] = Field(description="Their rows in the index.")
    image_labels: list[str] = Field(description="Their image ids.")


class BrowseAnswer(SearchAnswer):
    """Items in the order of the catalogue. The lists have the same order and length."""

    next: int | None = Field(description="`after` for the next page; null on the last one.", examples=[23])


class ExamplesAnswer(_Answer):
    """Photos that the model was not trained on."""

    examples: list[Item] = Field(description="Listings. The n-th one's photo is GET /examples/n too, from 0.")


class PredictAnswer(CategoryAnswer, EmbeddingAnswer, SimilarAnswer):
    """All three answers, from one decode and one forward pass."""


class BatchEntry(_Answer):
    """The result for one file of a batch: `prediction` if `status` is 200, else `error`."""

    filename: str | None
    status: int = Field(
        description="200, or the status that the photo would get alone: 413, 415, 422 or 503.", examples=[200]
    )
    prediction: PredictAnswer | None = None
    error: Problem | None = None


class BatchAnswer(_Answer):
    """One entry per file, in the order of the request."""

    entries: list[BatchEntry]


class UploadRequest(BaseModel, extra="forbid"):
    """A request for a form to upload a photo."""

    content_type: str = Field(
        description=f"Media type of the photo: one of {', '.join(sorted(MEDIA_TYPES.values()))}.",
        examples=[MEDIA_TYPES["JPEG"]],
        json_schema_extra={"enum": [*sorted(MEDIA_TYPES.values())]},
    )


class UploadAnswer(_Answer):
    """The form to upload with: POST `fields` and then `file` to `url`. Then predict with `{"upload": key}`."""

    url: str
    fields: dict[str, str]
    key: str
    expires_at: datetime
    max_bytes: int


_KEY: dict[str, Any] = {"pattern": f"^{UPLOADS}[0-9a-f-]{{36}}$"}


def _described(**keywords: Any) -> Callable[[dict[str, Any]], None]:
    """Adds keywords to the schema of a field, and leaves its default out: `oneOf` says which fields are required."""

    def change(schema: dict[str, Any]) -> None:
        schema.update(keywords)
        del schema["default"]

    return change


class UploadedPhoto(BaseModel, extra="forbid"):
    """A reference to a photo that was uploaded before."""

    upload: str = Field(description="The `key` in the answer of POST /uploads.", json_schema_extra=_KEY)


class UploadedPhotos(BaseModel, extra="forbid"):
    """A reference to a photo that was uploaded before, or to several of the same thing: `upload` or `uploads`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["upload"]}, {"required": ["uploads"]}]})

    upload: str = Field(
        default="",
        description="The `key` in the answer of POST /uploads.",
        json_schema_extra=_described(**_KEY),
    )
    uploads: list[str] = Field(
        default=[],
        min_length=1,
        max_length=MAX_PHOTOS,
        description="The keys of photos of the same thing.",
        json_schema_extra=_described(items={"type": "string", **_KEY}),
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "UploadedPhotos":
        if len(self.model_fields_set) != 1:
            raise ValueError("it takes either upload, a key, or uploads, a list of keys")
        return self

    @property
    def keys(self) -> list[str]:
        """The keys, in the order of the request."""
        return self.uploads or [self.upload]
