"""Counts what a vector index refuses, for the alarms on it. The log of who asked the index says more.

There is one count for a process, as there is one log: what asks the index is opened with a release, far from where the
process writes its metrics.
"""

from lambda_app.telemetry.formats import Metrics


class VectorCalls:
    """Writes a metric for each call of a search to Amazon S3 Vectors that did not succeed at once. Thread-safe.

    Names of actions and indexes are written, and reasons: no vector, no filter, no words of a search.
    """

    def __init__(self) -> None:
        """Write nothing until `write_to`."""
        self._metrics: Metrics | None = None

    def write_to(self, metrics: Metrics | None) -> None:
        """Write to these metrics from now on; None: write nothing."""
        self._metrics = metrics

    def throttled(self, action: str, index: str, reason: str) -> None:
        """Count a call that is sent again because the service had too many requests.

        Args:
            action: such as `QueryVectors`.
            reason: the error code of the service.
        """
        self._count("VectorSearchThrottled", action, index, reason)

    def failed(self, action: str, index: str, reason: str) -> None:
        """Count a call that failed for good or for too long, so that its search has no results."""
        self._count("VectorSearchFailed", action, index, reason)

    def _count(self, metric: str, action: str, index: str, reason: str) -> None:
        if (metrics := self._metrics) is not None:
            metrics.put({metric: (1, "Count")}, {"action": action, "index": index, "reason": reason})


calls = VectorCalls()
