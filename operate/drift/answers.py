"""The answers about photos in a log, as `lambda_app.telemetry` writes them."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from lambda_app.errors import LookalikeError

# A photo of the catalogue itself finds itself: it says nothing of what people photograph.
OWN_PHOTO = 0.9999
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?")
_MESSAGE = re.compile(r'"message":\s*("(?:[^"\\]|\\.)*")')
_RELEASE = re.compile(r"[a-z0-9-]{8,64}")
_DECODER = json.JSONDecoder()


class LogError(LookalikeError):
    """The log cannot be read, or it holds no answer about a photo; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered about a photo.

    Attributes:
        moment: when, in UTC.
        release: id of the release that answered.
        category: name of the predicted category.
        top_score: the highest cosine of its results; None without a search or a result.
        filtered: whether a filter or a minimum score was given.
    """

    moment: datetime
    request_id: str
    release: str
    category: str
    cell: int
    top_score: float | None
    filtered: bool

    @property
    def day(self) -> date:
        """The day in UTC."""
        return self.moment.date()

    @property
    def own_photo(self) -> bool:
        """Whether the photo is one of the catalogue, by its score."""
        return self.top_score is not None and self.top_score >= OWN_PHOTO


def answers_in(lines: Iterable[str]) -> Iterator[Answer]:
    """The answers about photos in the lines of a log. All other lines are passed over.

    A line is JSON, alone or behind a time and other words: so the lines of Lambda, of an export from CloudWatch to S3,
    of `aws logs tail` and `aws logs filter-log-events`, and of `scripts/serve` are read alike.
    """
    for line in lines:
        # In the output of `aws logs filter-log-events` each message is a quoted string.
        messages = (json.loads(text) for text in _MESSAGE.findall(line)) if '\\"cell\\"' in line else (line,)
        for message in messages:
            if '"cell"' in message and (found := _answer(message)) is not None:
                yield found


def _answer(line: str) -> Answer | None:
    start = line.find("{")
    try:
        fields, _ = _DECODER.raw_decode(line[start:])
        moment = _moment(fields.get("time") or line[:start])
    except (ValueError, RecursionError, AttributeError):
        return None
    return _checked(fields, moment)


def _checked(fields: dict[str, Any], moment: datetime | None) -> Answer | None:
    texts = [fields.get(name) for name in ("request_id", "release", "category")]
    cell, score, filtered = (fields.get(name) for name in ("cell", "top_score", "filtered"))
    if moment is None or not all(isinstance(text, str) for text in texts) or not isinstance(filtered, bool):
        return None
    if not isinstance(cell, int) or not (score is None or (isinstance(score, float | int) and -1.01 <= score <= 1.01)):
        return None
    request_id, release, category = map(str, texts)
    if not _RELEASE.fullmatch(release):
        return None
    return Answer(moment, request_id, release, category, cell, None if score is None else float(score), filtered)


def _moment(text: object) -> datetime | None:
    """The first time in a text, in UTC. A time without a zone is local, as `scripts/serve` writes it."""
    found = _TIME.search(text) if isinstance(text, str) else None
    return datetime.fromisoformat(found[0].replace(",", ".")).astimezone(UTC) if found else None
