"""What is told of each request and each load: a log line, and in a Lambda the metrics that alarms and dashboard read.

Never a photo, a query string, an upload's key or an address: the route's template, the outcome, the durations.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from lambda_app.telemetry.formats import Metrics

# Parts of `Server-Timing`, and what CloudWatch calls them.
_PARTS = {"decode": "Decode", "forward": "Inference", "search": "Search"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answered:
    """A request that has been answered.

    Attributes:
        route: the route's template, such as `/items/{image_id}`.
        category, top_score: the predicted category and the first result's cosine, where the answer has them.
        parts, total: durations in milliseconds, as in `Timings`.
    """

    request_id: str
    release: str | None
    method: str
    route: str
    status: int
    category: str | None
    top_score: float | None
    parts: Mapping[str, float]
    total: float


class Observer:
    """Tells of requests and loads. May be called from several threads."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        """Write metrics to `metrics`, if any; log lines go to `logging` either way."""
        self._metrics = metrics
        self._cold = True
        self._lock = threading.Lock()

    def answered(self, answer: Answered) -> None:
        """Tell of an answer that has been sent."""
        with self._lock:
            cold, self._cold = self._cold, False
        told = {
            "request_id": answer.request_id,
            "release": answer.release,
            "route": answer.route,
            "status": answer.status,
            "category": answer.category,
        }
        log.info(
            "%s %s %d in %.1f ms",
            answer.method,
            answer.route,
            answer.status,
            answer.total,
            extra={**told, "cold_start": cold, "milliseconds": round(answer.total, 2)},
        )
        if self._metrics is not None:
            self._metrics.put(_data_points(answer, cold), told)

    def loaded(self, release: str) -> None:
        """Tell that a release answers from now on."""
        log.info("release %s is live", release, extra={"release": release})
        if self._metrics is not None:
            self._metrics.put({"Reloads": (1, "Count")}, {"release": release})

    def failed_to_load(self, release: str, error: Exception) -> None:
        """Tell that a release could not be loaded; whatever answered before goes on."""
        log.error("release %s does not load", release, exc_info=error, extra={"release": release})
        if self._metrics is not None:
            self._metrics.put({"ReloadFailures": (1, "Count")}, {"release": release})


def _data_points(answer: Answered, cold: bool) -> dict[str, tuple[float, str]]:
    points = {name: (answer.parts[part], "Milliseconds") for part, name in _PARTS.items() if part in answer.parts}
    points["Total"] = (answer.total, "Milliseconds")
    points["ColdStart"] = (int(cold), "Count")
    if answer.top_score is not None:
        points["TopScore"] = (answer.top_score, "None")
    return points
