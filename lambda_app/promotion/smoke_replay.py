"""Replays a release's smoke cases: photos whose answers were known when the release was made."""

import base64
import binascii

from lambda_app.errors import PhotoError, UnknownItemError
from lambda_app.recommendation.analysis import Analysis
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.recommendation.recommender import Recommender
from lambda_app.release.manifest import Manifest
from lambda_app.release.smoke import FIRST, SmokeCase, tolerated_differences


def replay(recommender: Recommender, manifest: Manifest) -> list[str]:
    """Ask a loaded release for what its manifest says it answers.

    Returns:
        What failed, in words; empty if the release passes. `lambda_app.release.smoke` holds the rule.
    """
    cases = [(number, _differences(recommender, case)) for number, case in enumerate(manifest.smoke, start=1)]
    failures = [f"smoke case {number}: {'; '.join(found)}" for number, found in cases if found]
    return failures if len(failures) > tolerated_differences(len(cases), manifest.model.precision) else []


def _differences(recommender: Recommender, case: SmokeCase) -> list[str]:
    try:
        analysis = recommender.analyse(base64.b64decode(case.photo, validate=True))
    except (binascii.Error, PhotoError) as exc:
        return [f"its photo cannot be read: {exc}"]
    category = recommender.manifest.categories[recommender.top(analysis, 1)[0]]
    matches = recommender.similar(analysis.embedding, SimilarQuery(k=FIRST, distinct="image"))
    nearest = [match.item.image_id for match in matches]
    found = case.embedding_differences(analysis.embedding)
    return found + case.differences(category, nearest, _score(recommender, analysis, case.neighbour))


def _score(recommender: Recommender, analysis: Analysis, image_id: str) -> float | None:
    try:
        return recommender.cosine(analysis.embedding, image_id)
    except UnknownItemError:
        return None
