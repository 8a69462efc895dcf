"""Replays a release's smoke cases: photos whose answers were known when the release was made."""

import base64
import binascii

from lambda_app.errors import PhotoError, UnknownItemError
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.recommendation.recommender import Recommender
from lambda_app.release.manifest import Manifest, SmokeCase

CLEAR_MARGIN = 0.1
FIRST = 3
SCORE_TOLERANCE = 0.02
# One case in so many may differ: int8 kernels round differently from one kind of CPU to another.
INT8_CASES_PER_DIFFERENCE = 5


def replay(recommender: Recommender, manifest: Manifest) -> list[str]:
    """Ask a loaded release for what its manifest says it answers.

    A category must match where its margin is above 0.1; a neighbour must be within the first 3, or its score within
    0.02 of the expected one.

    Returns:
        What failed, in words; empty if the release passes. In int8 one case in five may differ.
    """
    cases = [(number, _differences(recommender, case)) for number, case in enumerate(manifest.smoke, start=1)]
    failures = [f"smoke case {number}: {'; '.join(found)}" for number, found in cases if found]
    tolerated = len(cases) // INT8_CASES_PER_DIFFERENCE if manifest.model.precision == "int8" else 0
    return failures if len(failures) > tolerated else []


def _differences(recommender: Recommender, case: SmokeCase) -> list[str]:
    try:
        analysis = recommender.analyse(base64.b64decode(case.photo, validate=True))
    except (binascii.Error, PhotoError) as exc:
        return [f"its photo cannot be read: {exc}"]
    differences = []
    category = recommender.manifest.categories[recommender.top(analysis, 1)[0]]
    if case.margin > CLEAR_MARGIN and category != case.category:
        differences.append(f"category {category!r} instead of {case.category!r} (margin {case.margin:.2f})")
    matches = recommender.similar(analysis.embedding, SimilarQuery(k=FIRST, distinct="image"))
    if case.neighbour not in [match.item.image_id for match in matches]:
        try:
            score = recommender.cosine(analysis.embedding, case.neighbour)
        except UnknownItemError as exc:
            return [*differences, str(exc)]
        if abs(score - case.score) > SCORE_TOLERANCE:
            differences.append(
                f"neighbour {case.neighbour!r} is not within the first {FIRST}, "
                f"and scores {score:.3f} instead of {case.score:.3f}"
            )
    return differences
