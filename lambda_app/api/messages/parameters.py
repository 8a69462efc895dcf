"""The parameters of requests, as /openapi.json documents them: in the query string, or in the JSON body."""

import re
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, FailFast, Field

from lambda_app.errors import QueryError
from lambda_app.photo.rules import WHOLE_PHOTO, PhotoPart
from lambda_app.recommendation.query import (
    DEFAULT_K,
    MAX_CHARACTERS,
    MAX_REFERENCES,
    Distinct,
    Rank,
    SimilarQuery,
    shortened,
)
from lambda_app.release.catalog import CatalogFilter

PROBABILITIES = 5
DUPLICATES = 10
_SHARE = r"(0(\.[0-9]{1,20})?|1(\.0{1,20})?)"
_BOX = f"{_SHARE}(,{_SHARE}){{3}}"
_ROUNDING = 1e-9

# What the recommender checks is documented here, but not checked twice: its messages name the value and the limit. The
# limits that are settings are put into /openapi.json when the application is made (`fill_limits`).
K_LIMITS: dict[str, Any] = {"minimum": 1, "maximum": "max_k"}
_COSINE_LIMITS: dict[str, Any] = {"minimum": -1, "maximum": 1}
_WORD_LIMITS: dict[str, Any] = {"maxLength": MAX_CHARACTERS}
_LIKED_LIMITS: dict[str, Any] = {"minItems": 1, "maxItems": MAX_REFERENCES}
_DISLIKED_LIMITS: dict[str, Any] = {"maxItems": MAX_REFERENCES}


class TopParameters(BaseModel):
    """How many categories are asked for."""

    k: int = Field(
        default=PROBABILITIES,
        description="How many of the most probable categories to return.",
        json_schema_extra=K_LIMITS,
    )

    def wanted(self, max_k: int) -> int:
        """The number that was asked for, else the default, within the limit."""
        return self.k if "k" in self.model_fields_set else min(self.k, max_k)


class ListingParameters(BaseModel):
    """How many results, and of which listings."""

    # `SimilarQuery.check` checks the ranges, because they depend on the settings.
    k: int = Field(default=DEFAULT_K, description="Number of results.", json_schema_extra=K_LIMITS)
    category: str | None = Field(default=None, description="Only items of this category, one of those of GET /release.")
    min_price: float | None = Field(
        default=None, description="Only items that cost at least this; at most `max_price`."
    )
    max_price: float | None = Field(default=None, description="Only items that cost at most this.")
    distinct: Distinct = Field(default="product", description="At most one photo per product, or all similar photos.")

    def query(self, max_k: int) -> SimilarQuery:
        """The parameters as a query for the recommender. A default never exceeds `max_k`."""
        where = CatalogFilter(self.category, self.min_price, self.max_price)
        k = self.k if "k" in self.model_fields_set else min(self.k, max_k)
        return SimilarQuery(k, where, distinct=self.distinct)


class BrowseParameters(ListingParameters):
    """Parameters of a page of the catalogue."""

    after: int | None = Field(
        default=None,
        description="Where the page begins: after this row, the `next` of the page before. Absent: at the first row. "
        "Rows hold for one release.",
        json_schema_extra={"minimum": 0},
    )


class WordParameters(ListingParameters):
    """Parameters of a search by words alone."""

    q: str = Field(
        description="Words of the title, category or description. Upper case and diacritics do not count; the last "
        "word may be the beginning of one. No character is an operator.",
        examples=["red sofa"],
        json_schema_extra={"minLength": 1, **_WORD_LIMITS},
    )

    def query(self, max_k: int) -> SimilarQuery:
        """As that of the base class, with the words.

        Raises:
            QueryError: there are none.
        """
        if not self.q:
            raise QueryError(f"q is empty; it takes words, of 1 to {MAX_CHARACTERS} characters")
        return replace(super().query(max_k), words=self.q)


class SearchParameters(ListingParameters):
    """Parameters of a search, in the query string or in the JSON body."""

    min_score: float = Field(
        default=-1.0, description="Only items with at least this cosine.", json_schema_extra=_COSINE_LIMITS
    )

    def query(self, max_k: int) -> SimilarQuery:
        """As that of the base class, with the smallest cosine."""
        return replace(super().query(max_k), min_score=self.min_score)


class SimilarParameters(SearchParameters):
    """Parameters of a search by picture that may have words too."""

    q: str = Field(
        default="",
        description="Words that the title, category or description should have, as in GET /search. Their order and "
        "that of the picture are blended.",
        examples=["red sofa"],
        json_schema_extra=_WORD_LIMITS,
    )

    def query(self, max_k: int) -> SimilarQuery:
        """As that of the base class, with the words."""
        return replace(super().query(max_k), words=self.q)


class RankParameters(SearchParameters):
    """Parameters of a search with photos."""

    rank: Rank = Field(
        default="category",
        description="Order of the results: by the cosine plus the release's `category_weight` times the probability of "
        "their category, or by the cosine alone.",
    )

    def query(self, max_k: int) -> SimilarQuery:
        """As that of the base class, with the order."""
        return replace(super().query(max_k), rank=self.rank)


class PartParameters(BaseModel):
    """The part of a photo that is used."""

    box: str = Field(
        default="0,0,1,1",
        description="The part of the photo that is used: left, top, width and height, relative to the upright photo's "
        "width and height. They are decimal numbers from 0 to 1; width and height are above 0, and the part ends "
        "within the photo. For a single photo.",
        examples=["0.25,0.1,0.5,0.5"],
        json_schema_extra={"pattern": f"^{_BOX}$"},
    )

    def part(self, photos: int = 1) -> PhotoPart:
        """The part.

        Args:
            photos: number of photos in the request.

        Raises:
            QueryError: `box` is no part of a photo, or there are several photos; the message names its value.
        """
        box = shortened(self.box)
        numbers = [float(number) for number in self.box.split(",")] if re.fullmatch(_BOX, self.box) else [0.0] * 4
        part = PhotoPart(*numbers)
        # The sum of two rounded numbers may be a little above 1.
        end = max(part.left + part.width, part.top + part.height)
        if min(part.width, part.height) == 0 or end > 1 + _ROUNDING:
            raise QueryError(
                f"box is {box}; it takes left,top,width,height: four decimal numbers from 0 to 1, width and height "
                "above 0, left + width and top + height at most 1"
            )
        if photos > 1 and part != WHOLE_PHOTO:
            raise QueryError(f"box is {box}, and the request has {photos} photos; a box takes 1 photo")
        return part


class CategoryParameters(PartParameters, TopParameters):
    """Parameters of a prediction of the category."""


class DuplicateParameters(PartParameters, TopParameters):
    """Parameters of a search for the same photo."""

    k: int = Field(default=DUPLICATES, description="At most this many listings.", json_schema_extra=K_LIMITS)


class PhotoParameters(PartParameters, RankParameters, SimilarParameters):
    """Parameters of a search with one photo, or with several of the same thing."""


class _References(BaseModel):
    # The first wrong id is enough: an error of each would take gigabytes for a body of some megabytes.
    liked: Annotated[list[str], FailFast()] = Field(
        description="Image ids; results are similar to these.", examples=[["0a1b2c"]], json_schema_extra=_LIKED_LIMITS
    )
    disliked: Annotated[list[str], FailFast()] = Field(
        default=[],
        description="Image ids; results are less similar to these. None of those in `liked`.",
        json_schema_extra=_DISLIKED_LIMITS,
    )


# OpenAPI lists the fields of the last base class first: the references, then the parameters.
class RecommendRequest(SearchParameters, _References, extra="forbid"):
    """Image ids to recommend from, and search parameters."""
