"""The answers of the routes, as dicts ready for JSON. `schemas.py` documents them."""

import math
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from lambda_app.recommendation.analysis import Analysis
from lambda_app.recommendation.live import Live
from lambda_app.recommendation.query import Match
from lambda_app.recommendation.recommender import Recommender
from lambda_app.release.catalog import CatalogItem
from lambda_app.settings import Settings
from lambda_app.store.contract import Store


def category_answer(recommender: Recommender, analysis: Analysis, k: int) -> dict[str, Any]:
    """The category and the k most probable ones."""
    categories = recommender.manifest.categories
    top = recommender.top(analysis, k)
    probabilities = _floats(analysis.probabilities[top])
    return {
        "category_index": top[0],
        "category": categories[top[0]],
        "probabilities": [
            {"category": categories[index], "category_index": index, "probability": probability}
            for index, probability in zip(top, probabilities, strict=True)
        ],
    }


def embedding_answer(analysis: Analysis) -> dict[str, Any]:
    """The logits, under the field name of the service that this one replaces, and the embedding."""
    return {"features": _floats(analysis.logits), "embedding": _floats(analysis.embedding)}


def similar_answer(matches: list[Match], store: Store, currency: str | None) -> dict[str, Any]:
    """Rows and image ids, in the fields of the service that this one replaces, and the full items with scores.

    A score that is NaN, because there was no picture, becomes null.
    """
    return {
        "similar_index": [match.row for match in matches],
        "image_labels": [match.item.image_id for match in matches],
        "results": [
            {
                **_listing(match.item, store, currency),
                "score": None if math.isnan(match.score) else _rounded(match.score),
                "same_photo": match.same_photo,
            }
            for match in matches
        ],
    }


def item_answer(item: CatalogItem, store: Store, currency: str | None) -> dict[str, Any]:
    """An item with its description, the currency of its release, and the URL of its photo."""
    return {**_listing(item, store, currency), "description": item.description}


def release_answer(live: Live) -> dict[str, Any]:
    """The live release."""
    manifest = live.recommender.manifest
    return {
        "release": live.release,
        "previous": live.pointer.previous,
        "created_at": manifest.created_at.isoformat(),
        "promoted_at": live.pointer.promoted_at.isoformat(),
        "loaded_at": live.loaded_at.isoformat(),
        "categories": manifest.categories,
        "currency": manifest.currency,
        "count": live.recommender.engine.count,
        "embedding_dim": manifest.model.embedding_dim,
        "image_size": manifest.preprocessing.size,
        "precision": manifest.model.precision,
        "index_type": live.recommender.engine.kind,
        "category_weight": manifest.ranking.category_weight,
        "words": live.recommender.engine.has_words,
        "same_photo": live.recommender.same.threshold is not None,
    }


def config_answer(settings: Settings) -> dict[str, Any]:
    """What the page must know: who may call the API, where it signs people in (null if it does not), and limits."""
    client = {
        "issuer": settings.oidc_issuer,
        "client_id": settings.oidc_client_id,
        "scopes": " ".join(settings.oidc_scopes.split()),
    }
    return {
        "auth": settings.auth,
        "sign_in": client if settings.oidc_client_id else None,
        "listing_url": settings.listing_url,
        "max_k": settings.max_k,
        "other_releases": settings.other_releases,
    }


def _listing(item: CatalogItem, store: Store, currency: str | None) -> dict[str, Any]:
    """What results say of an item, without its description. The photo's URL is of the store, or a path of this API."""
    photo = store.photo_url(item.photo) or f"/images/{quote(item.image_id, safe='')}"
    listing = {**asdict(item), "currency": currency, "photo": photo}
    del listing["description"]
    return listing


def _floats(values: npt.NDArray[np.float32]) -> list[float]:
    return [_rounded(value) for value in values.tolist()]


def _rounded(value: float) -> float:
    """A float32 rounded to the 7 significant digits that it has; printed as a double it would have 17."""
    return float(f"{value:.7g}")
