"""Answers and references for the tests of drift."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from lambda_app.release.reference import Reference, encoded
from operate.drift.answers import Answer

RELEASE = "20261101-120000-0a1b2c3d"
LAST = datetime(2026, 11, 25, 12, tzinfo=UTC)
CATEGORIES = ("Sofas", "Phones", "Books", "Lamps")
CELLS = 8
Draw = Callable[[np.random.Generator, int], dict[str, Any]]


def usual(random: np.random.Generator, _day: int) -> dict[str, Any]:
    """A photo like those of the reference below."""
    cell = int(random.integers(CELLS))
    return {"cell": cell, "category": CATEGORIES[cell % 4], "top_score": round(random.normal(0.7, 0.1), 6)}


def answers(days: int, each: int, draw: Draw = usual, *, seed: int = 0, before: int = 0) -> list[Answer]:
    """Answers of the last days, `each` a day, but for the last `before` days."""
    random = np.random.default_rng(seed)
    return [
        answer(LAST - timedelta(days=before + day), request_id=f"{seed}-{day}-{number}", **draw(random, day))
        for day in range(days)
        for number in range(each)
    ]


def answer(moment: datetime = LAST, **fields: Any) -> Answer:
    """An answer."""
    usual = {"request_id": "r", "release": RELEASE, "category": "Sofas", "cell": 0, "top_score": 0.7, "filtered": False}
    return Answer(moment, **{**usual, **fields})


def reference(photos: int = 400, seed: int = 9, **changes: Any) -> Reference:
    """Held-out photos of the usual kind, two for each product."""
    random = np.random.default_rng(seed)
    drawn = [usual(random, 0) for _ in range(photos)]
    columns = {
        "dim": 16,
        "centroids": encoded(np.eye(CELLS, 16, dtype=np.float32)),
        "photos": [f"photo-{number}" for number in range(photos)],
        "products": [number // 2 for number in range(photos)],
        "categories": [CATEGORIES.index(photo["category"]) for photo in drawn],
        "cells": [photo["cell"] for photo in drawn],
        "scores": [min(1.0, photo["top_score"]) for photo in drawn],
        "known": [1] * photos,
    }
    return Reference.model_validate({**columns, **changes})
