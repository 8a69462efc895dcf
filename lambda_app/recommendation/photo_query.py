"""The results for a photo: the nearest items by its embedding, or by that of a stored photo of which it is a copy.

The network does not know a photo again that was turned or lost its colours, as screenshots and scans are. Fingerprints
do. So if the first result does not show the same photo, a copy is looked for in the whole catalogue; if there is one,
its stored vector takes the place of the embedding.
"""

import numpy as np

from lambda_app.recommendation.analysis import Analysis
from lambda_app.recommendation.query import Match, SimilarQuery
from lambda_app.recommendation.recommender import Recommender
from lambda_app.telemetry.timings import Timings


def similar_to_photo(
    recommender: Recommender, analysis: Analysis, query: SimilarQuery, timings: Timings, *, alone: bool = True
) -> list[Match]:
    """The items most similar to a photo, in the order asked for, each with whether it shows the same photo.

    Args:
        recommender: the release.
        analysis: of the photo, or of several ones of the same thing.
        query: number of results, filter, minimum score and order.
        timings: gets the durations.
        alone: whether it is one photo. Several are never taken for a copy of one.

    Raises:
        QueryError, NotSupportedError: as `Recommender.check`.
    """
    matches = recommender.similar(analysis.embedding, query, timings, analysis.probabilities)
    with timings.measure("search"):
        matches = recommender.same.marked(matches, analysis.views)
        known = bool(matches) and matches[0].same_photo is True
    if known or query.words or not alone:
        return matches
    with timings.measure("search"):
        copy = recommender.same.copied(analysis.views)
    if copy is None:
        return matches
    # What is known of the copy takes the place of what the network says of the photo, the category included.
    certain = np.array([name == copy.item.category for name in recommender.manifest.categories], np.float32)
    found = recommender.similar(copy.vector, query, timings, certain)
    with timings.measure("search"):
        return recommender.same.marked(found, analysis.views, {copy.row})
