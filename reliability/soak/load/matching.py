"""Whether an answer comes from one release only: its header, embedding, category, neighbours, scores, items."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from reliability.soak.load.connection import Reply
from reliability.soak.load.numbered import Numbered

RELEASE_HEADER = "x-lookalike-release"
_CLOSE = 1e-4  # answers have 7 digits; another release's values are farther away


def problems(reply: Reply, asked: str, image_id: str, releases: Mapping[str, Numbered]) -> list[str]:
    """What in an answer is not of the release that its header names.

    Args:
        reply: an answer with status 200.
        asked: the route: "predict" with the photo of `image_id`, "similar" or "item" of that item, or "release".
        releases: all releases by id.
    """
    name = reply.headers.get(RELEASE_HEADER, "")
    release = releases.get(name)
    if release is None:
        return [f"the header names {name!r}, which was never made"]
    return list(_CHECKS[asked](json.loads(reply.body), release, image_id))


def _predict(body: dict[str, Any], release: Numbered, image_id: str) -> Iterator[str]:
    distance = float(np.abs(np.array(body["embedding"]) - release.embeddings[image_id]).max())
    if distance > _CLOSE:
        yield f"the embedding is {distance:.3f} away from that of {release.manifest.release}"
    if body["category"] != release.categories[image_id]:
        yield f"the category is {body['category']!r}, not {release.categories[image_id]!r}"
    yield from _results(body, release, image_id)
    best = max(release.score(image_id, other) for other in release.items)
    if not body["results"] or body["results"][0]["score"] < best - _CLOSE:
        yield f"the first of the {len(body['results'])} results is not the nearest one, whose score is {best:.4f}"


def _results(body: dict[str, Any], release: Numbered, image_id: str) -> Iterator[str]:
    for row, label, result in zip(body["similar_index"], body["image_labels"], body["results"], strict=True):
        if release.order[row] != label or result["image_id"] != label:
            yield f"row {row} is {release.order[row]}, not {label}"
        yield from _item(result, release, label)
        score = release.score(image_id, label)
        if abs(result["score"] - score) > _CLOSE:
            yield f"the score of {label} is {result['score']}, not {score:.6f}"


def _item(body: dict[str, Any], release: Numbered, image_id: str) -> Iterator[str]:
    item = release.items[image_id]
    for name in ("image_id", "product_id", "category", "title", "price"):
        if body[name] != getattr(item, name):
            yield f"{name} of {image_id} is {body[name]!r}, not {getattr(item, name)!r}"


def _release(body: dict[str, Any], release: Numbered, image_id: str) -> Iterator[str]:  # noqa: ARG001
    if body["release"] != release.manifest.release:
        yield f"the body names {body['release']}, the header {release.manifest.release}"
    if body["created_at"] != release.manifest.created_at.isoformat():
        yield f"created_at is {body['created_at']}"


_CHECKS: dict[str, Callable[[dict[str, Any], Numbered, str], Iterator[str]]] = {
    "predict": _predict,
    "similar": _results,
    "item": _item,
    "release": _release,
}
