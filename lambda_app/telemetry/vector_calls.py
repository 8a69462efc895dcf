"""Logs what a vector index refuses, and writes the metrics of its alarms.

Only names of actions and indexes and the service's error codes are logged: no vector, no filter, no words of a search.
"""

import logging

from lambda_app.telemetry.formats import Metrics

log = logging.getLogger(__name__)


class VectorCalls:
    """Records the calls of a search to Amazon S3 Vectors that did not succeed at once. Thread-safe."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        """Log to `logging`, and write metrics to `metrics` if given."""
        self._metrics = metrics

    def tried_again(self, action: str, index: str, reason: str, *, throttled: bool) -> None:
        """Record that a call failed and is sent again.

        Args:
            action: such as `QueryVectors`.
            reason: an error code of the service, or the name of an exception of the connection.
            throttled: whether the service had too many requests (429, 503), so that an alarm counts it.
        """
        log.warning("%s of index %s is sent again: %s", action, index, reason)
        if throttled and self._metrics is not None:
            self._metrics.put({"VectorSearchThrottled": (1, "Count")}, {"index": index, "action": action})

    def gave_up(self, action: str, index: str, error: Exception) -> None:
        """Record that a search ends without results, because a call failed for good or for too long."""
        log.error("%s of index %s failed: %s", action, index, error)
        if self._metrics is not None:
            self._metrics.put({"VectorSearchFailed": (1, "Count")}, {"index": index, "action": action})
