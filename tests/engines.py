"""What the FAISS engine of a loaded release has open."""

from lambda_app.recommendation.recommender import Recommender
from lambda_app.search.local.engine import FaissEngine, Segments


def segments_of(loaded: Recommender) -> Segments:
    """The opened files of a release."""
    assert isinstance(loaded.parts.source, Segments)
    return loaded.parts.source


def engine_of(loaded: Recommender) -> FaissEngine:
    """The engine of a release, with its index and catalog."""
    assert isinstance(loaded.engine, FaissEngine)
    return loaded.engine
