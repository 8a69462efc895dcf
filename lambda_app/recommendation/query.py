"""The parameters of a search and their ranges, and the selection of the results from the rows found."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from lambda_app.errors import QueryError
from lambda_app.likeness.table import Fingerprint
from lambda_app.release.catalog import CatalogFilter, CatalogItem
from lambda_app.release.text.tokens import query_words
from lambda_app.search.engine import Match as Match

DEFAULT_K = 4
MAX_REFERENCES = 100
MAX_PHOTOS = 4  # of the same thing, in one query
MAX_CHARACTERS = 200  # of the words of a query
# Some characters stand for several letters, so a short text may have many words.
MAX_WORDS = 200
Distinct = Literal["product", "image"]
Rank = Literal["category", "cosine"]


@dataclass(frozen=True)
class SimilarQuery:
    """The parameters of a search.

    Attributes:
        k: number of results.
        where: filter; only items that pass it can be results.
        min_score: smallest cosine of a result, in [-1, 1].
        distinct: "product": at most one photo per product. "image": every photo.
        rank: order of the results of a photo. "category": by cosine plus the release's weight times the probability of
            the item's category. "cosine": by cosine alone, as all other results are.
        words: what the title, category or description of a result should say; empty: anything.
    """

    k: int = DEFAULT_K
    where: CatalogFilter = field(default_factory=CatalogFilter)
    min_score: float = -1.0
    distinct: Distinct = "product"
    rank: Rank = "category"
    words: str = ""

    @property
    def filtered(self) -> bool:
        """Whether the nearest item need not be a result: a filter, a minimum score or words were given."""
        return not self.where.empty or self.min_score > -1.0 or bool(self.words)

    def check(self, max_k: int, categories: Sequence[str]) -> None:
        """Check every parameter.

        Args:
            max_k: largest `k` that is allowed.
            categories: the names of the live release's categories.

        Raises:
            QueryError: a parameter is out of range; the message names the value and the limit.
        """
        check_k(self.k, max_k)
        if self.words:
            check_words(self.words)
        if not -1.0 <= self.min_score <= 1.0:
            raise QueryError(f"min_score is {self.min_score}; a cosine is in [-1, 1]")
        low, high = self.where.min_price, self.where.max_price
        for name, price in (("min_price", low), ("max_price", high)):
            if price is not None and not math.isfinite(price):
                raise QueryError(f"{name} is {price}; it takes a finite number")
        if low is not None and high is not None and low > high:
            raise QueryError(f"min_price {low} is above max_price {high}")
        if self.where.category is not None and self.where.category not in categories:
            raise QueryError(
                f"category {shortened(self.where.category)} is unknown; the live release has: {'; '.join(categories)}"
            )


@dataclass(frozen=True)
class Selection:
    """Selects the results from the rows found: in their order, without excluded ones, one per product if so asked.

    Attributes:
        query: the parameters of the search.
        rows: excluded rows.
        products: excluded product ids; used only if `query.distinct` is "product".
    """

    query: SimilarQuery
    rows: frozenset[int] = frozenset()
    products: frozenset[str] = frozenset()

    def pick(
        self,
        rows: Sequence[int],
        scores: Sequence[float],
        items: Sequence[CatalogItem],
        fingerprints: Mapping[str, Fingerprint] = MappingProxyType({}),
    ) -> list[Match]:
        """The first k rows that qualify.

        Args:
            rows: rows found, best first.
            scores: their cosines.
            items: their catalog entries.
            fingerprints: of their photos, by image id, as far as they came with the rows.
        """
        seen = set(self.products)
        matches: list[Match] = []
        for row, score, item in zip(rows, scores, items, strict=True):
            if len(matches) == self.query.k:
                break
            if score < self.query.min_score or row in self.rows:
                continue
            if self.query.distinct == "product" and item.product_id in seen:
                continue
            seen.add(item.product_id)
            matches.append(Match(row, score, item, fingerprint=fingerprints.get(item.image_id)))
        return matches


def check_k(k: int, max_k: int) -> None:
    """Check a number of results.

    Raises:
        QueryError: it is out of range.
    """
    if not 1 <= k <= max_k:
        raise QueryError(f"k is {k}; it takes 1 to {max_k}")


def check_words(words: str) -> None:
    """Check the words of a query.

    Raises:
        QueryError: they are too long or too many, or there is no letter or digit in them.
    """
    if len(words) > MAX_CHARACTERS:
        raise QueryError(f"q has {len(words)} characters; it takes up to {MAX_CHARACTERS}")
    found = len(query_words(words))
    if not found:
        raise QueryError(f"q is {shortened(words)}; it takes at least one letter or digit")
    if found > MAX_WORDS:
        raise QueryError(f"q has {found} words; it takes up to {MAX_WORDS}")


def check_references(liked: Sequence[str], disliked: Sequence[str]) -> None:
    """Check the image ids of a recommendation.

    Raises:
        QueryError: `liked` is empty, a list has more than `MAX_REFERENCES` ids, or an id is in both lists.
    """
    if not liked:
        raise QueryError("liked is empty; it takes at least 1 image id")
    for name, image_ids in (("liked", liked), ("disliked", disliked)):
        if len(image_ids) > MAX_REFERENCES:
            raise QueryError(f"{name} holds {len(image_ids)} image ids; it takes up to {MAX_REFERENCES}")
    if both := set(liked) & set(disliked):
        raise QueryError(f"{shortened(min(both))} is both liked and disliked")


def shortened(value: str) -> str:
    """A value from a request, quoted for an error message and cut after 80 characters."""
    return repr(value if len(value) <= 80 else f"{value[:80]}...")
