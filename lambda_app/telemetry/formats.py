"""Logs as JSON lines and metrics in CloudWatch's embedded metric format, by the standard library alone.

A metrics library costs 50 ms of every cold start; the format is one JSON line on stdout (CloudWatch documentation,
"Embedded metric format specification"). Neither ever holds a photo, a signed address or a credential: only what is
passed here by name is written.
"""

import json
import logging
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO

NAMESPACE = "Lookalike"
# What a log record may carry beyond its message; anything else that is passed as `extra` is left out.
FIELDS = ("request_id", "release", "cold_start", "route", "status", "category", "drop", "milliseconds")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, service, logger, message, the known extras, the error if any."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line of JSON."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in FIELDS if getattr(record, name, None) is not None}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class Metrics:
    """Writes metrics of one service: a line per call, from which CloudWatch makes the data points."""

    def __init__(self, service: str, stream: IO[str] | None = None) -> None:
        """Use `stream`, or standard output as it is when a line is written."""
        self._service = service
        self._stream = stream

    def put(self, metrics: Mapping[str, tuple[float, str]], properties: Mapping[str, object] | None = None) -> None:
        """Write data points.

        Args:
            metrics: name -> (value, CloudWatch unit such as "Milliseconds", "Count" or "None").
            properties: searchable beside them in the log, but no dimension (each value of one costs a metric).
        """
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [["service"]],
            "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in metrics.items()],
        }
        line: dict[str, object] = {
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
            "service": self._service,
            **{name: value for name, (value, _) in metrics.items()},
            **(properties or {}),
        }
        print(json.dumps(line, default=str), file=self._stream or sys.stdout, flush=True)


def configure_logging(service: str, level: int = logging.INFO) -> None:
    """JSON lines on standard error for the whole process, in place of the handlers that Lambda's runtime installed."""
    output = logging.StreamHandler()
    output.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level, handlers=[output], force=True)
    # botocore's debug lines hold signed addresses; mangum tells of each request again, with its path as it was sent.
    for name in ("botocore", "mangum"):
        logging.getLogger(name).setLevel(logging.WARNING)
