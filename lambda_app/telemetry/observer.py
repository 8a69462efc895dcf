"""Logs every request and every load of a release. In a Lambda, also writes metrics for the alarms and the dashboard.

A request is logged as route template, outcome and durations: no photo, no query string, no key of an upload, no URL.
What was answered about a photo is logged too, so that a change in the photos that people send can be seen. It is not
written to the metrics.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from lambda_app.telemetry.formats import Metrics

# Parts of `Server-Timing` -> names of the CloudWatch metrics.
_PARTS = {"decode": "Decode", "forward": "Inference", "search": "Search"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnsweredPhoto:
    """What a response says about a photo, without the photo and without its embedding.

    Attributes:
        category: the predicted category.
        cell: index of the nearest centroid of the release's reference; None if the release has no reference.
        top_score: the highest cosine of its results; None if there was no search or no result.
        filtered: whether the search had a filter or a minimum score.
    """

    category: str
    cell: int | None
    top_score: float | None = None
    filtered: bool = False

    def fields(self) -> dict[str, object]:
        """The fields of its log line."""
        # Six decimals: equal lines are then the same photo again, because other photos rarely agree in all of them.
        score = None if self.top_score is None else round(self.top_score, 6)
        return {"category": self.category, "cell": self.cell, "top_score": score, "filtered": self.filtered}


@dataclass(frozen=True)
class AnsweredRequest:
    """A request whose response has been sent.

    Attributes:
        release: id of the release that answered; None if no release was needed.
        route: the route's template, such as `/items/{image_id}`.
        category: the predicted category, if the response has one.
        top_score: the cosine of the first result, if the response has one.
        parts: duration of each part, in milliseconds, as in `Timings`.
        total: duration of the whole request, in milliseconds.
        invocation: id of the Lambda's run, which API Gateway logs too; None outside of Lambda.
        photos: what the response says about each photo.
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
    invocation: str | None = None
    photos: tuple[AnsweredPhoto, ...] = ()


class Observer:
    """Logs requests and loads, and writes their metrics. Thread-safe."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        """Log to `logging`, and write metrics to `metrics` if given."""
        self._metrics = metrics
        self._cold = True
        self._lock = threading.Lock()

    def answered(self, request: AnsweredRequest) -> None:
        """Record a request whose response has been sent."""
        with self._lock:
            cold, self._cold = self._cold, False
        fields = {
            "request_id": request.request_id,
            "invocation": request.invocation,
            "release": request.release,
            "route": request.route,
            "status": request.status,
            "category": request.category,
        }
        log.info(
            "%s %s %d in %.1f ms",
            request.method,
            request.route,
            request.status,
            request.total,
            extra={
                **fields,
                "cold_start": cold,
                "milliseconds": round(request.total, 2),
                **(request.photos[0].fields() if len(request.photos) == 1 else {}),
            },
        )
        if len(request.photos) > 1:
            for number, photo in enumerate(request.photos, start=1):
                extra = {**fields, **photo.fields()}
                log.info("photo %d of %d of the request", number, len(request.photos), extra=extra)
        if self._metrics is not None:
            self._metrics.put(_data_points(request, cold), fields)

    def loaded(self, release: str) -> None:
        """Record that a release is loaded and answers requests from now on."""
        log.info("release %s is live", release, extra={"release": release})
        if self._metrics is not None:
            self._metrics.put({"Reloads": (1, "Count")}, {"release": release})

    def failed_to_load(self, release: str, error: Exception) -> None:
        """Record that a release could not be loaded. The release that was live before, if any, stays live."""
        log.error("release %s does not load", release, exc_info=error, extra={"release": release})
        if self._metrics is not None:
            self._metrics.put({"ReloadFailures": (1, "Count")}, {"release": release})


def _data_points(request: AnsweredRequest, cold: bool) -> dict[str, tuple[float, str]]:
    points = {name: (request.parts[part], "Milliseconds") for part, name in _PARTS.items() if part in request.parts}
    points["Total"] = (request.total, "Milliseconds")
    points["ColdStart"] = (int(cold), "Count")
    if request.top_score is not None:
        points["TopScore"] = (request.top_score, "None")
    return points
