"""Logs as JSON lines, and metrics in CloudWatch's embedded metric format. Uses the standard library only.

A metrics library would add 50 ms to every cold start, and the format is simple: one JSON line on stdout (CloudWatch
documentation, "Embedded metric format specification"). Only named fields are written, so photos, presigned URLs and
credentials stay out of logs and metrics.
"""

import json
import logging
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO

NAMESPACE = "Lookalike"
# The only fields of `extra` that are written to the log; all others are dropped.
FIELDS = (
    *("request_id", "invocation", "release", "cold_start", "route", "status", "category", "cell", "top_score"),
    *("filtered", "drop", "milliseconds"),
)
# Those that the log of `scripts/serve` has, beside what its message says.
_PLAIN_FIELDS = ("request_id", "release", "category", "cell", "top_score", "filtered")


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON: time, level, service, logger, message, `FIELDS`, and the error if any."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line of JSON."""
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


class PlainFormatter(logging.Formatter):
    """Formats a record for people: time, level, logger, message. If it is about a photo, its fields follow as JSON."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (a method of logging)
        """The line of a record without its error."""
        line = super().formatMessage(record)
        if getattr(record, "filtered", None) is None:
            return line
        found = {name: getattr(record, name) for name in _PLAIN_FIELDS if getattr(record, name, None) is not None}
        return f"{line} {json.dumps(found)}"


class Metrics:
    """Writes the metrics of one service: one line per call. CloudWatch extracts the data points from it."""

    def __init__(self, service: str, stream: IO[str] | None = None, *, stack: str = "") -> None:
        """Describe the source of the metrics.

        Args:
            stream: where to write; None: the `sys.stdout` of the moment when a line is written.
            stack: the CloudFormation stack; "" outside of one. It is a dimension, so that the metrics of two stacks in
                one account stay apart. There is one set of dimensions: each further set would be a metric that costs.
        """
        self._dimensions = {"service": service, "stack": stack} if stack else {"service": service}
        self._stream = stream

    def put(self, metrics: Mapping[str, tuple[float, str]], properties: Mapping[str, object] | None = None) -> None:
        """Write data points.

        Args:
            metrics: name -> (value, CloudWatch unit such as "Milliseconds", "Count" or "None").
            properties: further fields of the log line, for searches. They are not dimensions: each value of a dimension
                would create, and cost, a separate metric.
        """
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [list(self._dimensions)],
            "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in metrics.items()],
        }
        line: dict[str, object] = {
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
            **self._dimensions,
            **{name: value for name, (value, _) in metrics.items()},
            **(properties or {}),
        }
        print(json.dumps(line, default=str), file=self._stream or sys.stdout, flush=True)


def quiet_faiss() -> None:
    """Log of the loader of faiss only warnings. It tries builds for several processors; one that is absent is no error.

    Does not import faiss.
    """
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)


def configure_logging(service: str, level: int = logging.INFO) -> None:
    """Log JSON lines to standard error in the whole process. Replaces the handlers that Lambda's runtime installed."""
    output = logging.StreamHandler()
    output.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level, handlers=[output], force=True)
    quiet_faiss()
    # botocore's debug lines contain presigned URLs. mangum logs every request again, with the full path.
    for name in ("botocore", "mangum"):
        logging.getLogger(name).setLevel(logging.WARNING)
