"""Which answers of a log are compared: the days that are judged, the days before them, and what is left out of both."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from operate.drift.answers import Answer, LogError
from operate.drift.samples import distinct


@dataclass(frozen=True)
class Periods:
    """The answers to compare, each photo once a day.

    Attributes:
        first, last: the days that are judged, in UTC.
        now: their answers.
        before: answers of the days before.
        photos: of the days that are judged, before any was left out.
        own: of these, photos of the catalogue itself.
        repeated: of these, photos that were sent before on the same day.
        others: answers of releases whose cells mean something else.
    """

    first: date
    last: date
    now: Sequence[Answer]
    before: Sequence[Answer]
    photos: int
    own: int
    repeated: int
    others: int


def periods(
    answers: Iterable[Answer], days: int, days_before: int, until: date | None, is_comparable: Callable[[str], bool]
) -> Periods:
    """Choose the answers to compare.

    Args:
        days: how many days are judged.
        days_before: how many days before them they may be compared with.
        until: the last day that is judged; None: the last one of the log.
        is_comparable: whether the cells of a release mean the same as those of the live one.

    Raises:
        LogError: the log holds no answer about a photo.
    """
    found = list(answers)
    if not found:
        raise LogError("the log holds no answer about a photo with a cell; only a release with a reference has cells")
    last = until or max(answer.day for answer in found)
    first = last - timedelta(days=days - 1)
    known = {release: is_comparable(release) for release in {answer.release for answer in found}}
    usable = [answer for answer in found if known[answer.release]]
    judged = [answer for answer in usable if first <= answer.day <= last]
    start = first - timedelta(days=days_before)
    now = distinct(judged)
    own = sum(answer.own_photo for answer in judged)
    return Periods(
        first=first,
        last=last,
        now=now,
        before=distinct(answer for answer in usable if start <= answer.day < first),
        photos=len(judged),
        own=own,
        repeated=len(judged) - own - len(now),
        others=len(found) - len(usable),
    )
