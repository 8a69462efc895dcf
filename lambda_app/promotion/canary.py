"""The canary: questions of our own that every release must answer before it goes live, whatever its smoke cases say.

Three drawn photos go through everything that requests go through: decode, model, searches without a filter, by category
and by price, the items found, and the items similar to them.
"""

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from lambda_app.errors import LookalikeError, RefusedReleaseError
from lambda_app.recommendation.analysis import Analysis
from lambda_app.recommendation.query import DEFAULT_K, Match, SimilarQuery
from lambda_app.recommendation.recommender import Recommender
from lambda_app.release.catalog import CatalogFilter

# Cosines of vectors of length 1 lie in [-1, 1]; this much is left to rounding.
MOST_SCORE = 1.001
# An embedding has length 1; this much is left to the rounding of int8 models.
_LENGTH_TOLERANCE = 0.01
_SEED = 20_261_101
# Width, height, file format: different sizes, shapes and decoders.
_PHOTOS = ((640, 480, "JPEG"), (300, 500, "PNG"), (224, 224, "WEBP"))


def check_answers(recommender: Recommender, max_k: int) -> None:
    """Ask a loaded release about three drawn photos.

    Args:
        recommender: the release.
        max_k: the most results that a search may ask for.

    Raises:
        RefusedReleaseError: an answer is missing, not finite or impossible; the message says which.
    """
    for number, photo in enumerate(drawn_photos(), start=1):
        try:
            _check_photo(recommender, photo, min(DEFAULT_K, max_k))
        except RefusedReleaseError as exc:
            raise RefusedReleaseError(f"answers drawn photo {number} wrongly: {exc}") from exc
        except LookalikeError as exc:
            raise RefusedReleaseError(f"does not answer drawn photo {number}: {exc}") from exc


def drawn_photos() -> list[bytes]:
    """Three encoded photos: a gradient, noise and coloured shapes in each, always the same."""
    return [_drawn(seed, *photo) for seed, photo in enumerate(_PHOTOS)]


def _drawn(seed: int, width: int, height: int, kind: str) -> bytes:
    random = np.random.default_rng((_SEED, seed))
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    gradient = across[..., np.newaxis] * random.integers(0, 256, 3) + down[..., np.newaxis] * random.integers(0, 256, 3)
    pixels = (gradient / 2 + random.normal(0, 10, (height, width, 3))).clip(0, 255).astype(np.uint8)
    photo = Image.fromarray(pixels)
    pen = ImageDraw.Draw(photo)
    for _ in range(4):
        left, top = int(random.integers(0, width // 2)), int(random.integers(0, height // 2))
        box = (left, top, left + width // 3, top + height // 3)
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        (pen.rectangle if random.random() < 0.5 else pen.ellipse)(box, fill=colour)
    file = io.BytesIO()
    photo.save(file, kind)
    return file.getvalue()


def _check_photo(recommender: Recommender, photo: bytes, k: int) -> None:
    analysis = recommender.analyse(photo)
    _check_analysis(analysis)
    category = recommender.manifest.categories[recommender.top(analysis, 1)[0]]
    nearest = _asked(recommender, analysis, SimilarQuery(k=k, distinct="image", rank="cosine"))
    expected = min(k, recommender.engine.count)
    if len(nearest) != expected:
        raise RefusedReleaseError(f"a search without a filter finds {len(nearest)} photos instead of {expected}")
    _asked(recommender, analysis, SimilarQuery(k=k))
    _asked(recommender, analysis, SimilarQuery(k=k, where=CatalogFilter(category=category)))
    first = nearest[0]
    # Results come without the description, and an item with it.
    if replace(recommender.item(first.item.image_id), description=None) != first.item:
        raise RefusedReleaseError(f"item {first.item.image_id!r} is another when it is looked up by its id")
    _check_filters(recommender, analysis, first, k)
    similar = recommender.similar_to(first.item.image_id, SimilarQuery(k=k, distinct="image"))
    if first.row in [match.row for match in similar]:
        raise RefusedReleaseError(f"item {first.item.image_id!r} is among the items similar to it")
    _check_matches(similar)


def _check_analysis(analysis: Analysis) -> None:
    """Logits and embedding are finite already: `analyse` checks it."""
    if not np.isfinite(analysis.probabilities).all():
        raise RefusedReleaseError("its probabilities are not finite")
    length = float(np.linalg.norm(analysis.embedding))
    if not abs(length - 1) <= _LENGTH_TOLERANCE:
        raise RefusedReleaseError(f"its embedding has length {length:.3f}; an embedding has length 1")


def _check_filters(recommender: Recommender, analysis: Analysis, known: Match, k: int) -> None:
    """Filters that a known item passes must find something, and only what passes."""
    item = known.item
    filters = [CatalogFilter(category=item.category)] if item.category in recommender.manifest.categories else []
    if item.price is not None:
        filters.append(CatalogFilter(min_price=item.price, max_price=item.price))
    filters.append(CatalogFilter(min_price=0.0, max_price=1e12))
    for where in filters:
        for distinct in ("image", "product"):
            found = _asked(recommender, analysis, SimilarQuery(k=k, where=where, distinct=distinct))
            if not found and where is not filters[-1]:
                raise RefusedReleaseError(f"{where} finds nothing, although {item.image_id!r} passes it")


def _asked(recommender: Recommender, analysis: Analysis, query: SimilarQuery) -> list[Match]:
    """The matches of a search, checked."""
    found = recommender.similar(analysis.embedding, query, probabilities=analysis.probabilities)
    _check_matches(found)
    for match in found:
        where, item = query.where, match.item
        low, high = where.min_price, where.max_price
        sound = where.category in (None, item.category)
        if low is not None and high is not None:
            sound = sound and item.price is not None and low <= item.price <= high
        if not sound:
            raise RefusedReleaseError(f"{where} finds {item.image_id!r}, which does not pass it")
    return found


def _check_matches(matches: Sequence[Match]) -> None:
    for match in matches:
        if not abs(match.score) <= MOST_SCORE:  # true for NaN too
            raise RefusedReleaseError(
                f"neighbour {match.item.image_id!r} has score {match.score}; "
                f"a cosine is between -{MOST_SCORE} and {MOST_SCORE}"
            )
