"""What `scripts/drift` found, as text for people and as JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from operate.drift.periods import Periods
from operate.drift.shifts import CONFIDENCE, Shift
from operate.drift.wanted import Wanted

_SHOWN = 5
_MEANING = {
    "categories": "share of photos in other categories than before",
    "cells": "share of photos of another kind than before",
    "top scores": "share of photos that are less like the catalogue than before",
    "unlike anything": "more photos than before resemble nothing in the catalogue",
}


@dataclass(frozen=True)
class Findings:
    """What was found in a log.

    Attributes:
        release: the live release.
        against: what the photos were compared with: "before" or "reference".
        compared: how many photos that are.
        unlike_below: a photo with a lower score resembles nothing in the catalogue.
    """

    release: str
    against: str
    compared: int
    unlike_below: float
    periods: Periods
    shifts: Sequence[Shift]
    wanted: Sequence[Wanted]

    @property
    def retrain(self) -> bool:
        """Whether a shift is a reason to retrain."""
        return any(shift.verdict == "retrain" for shift in self.shifts)

    @property
    def judged(self) -> bool:
        """Whether there were enough photos to judge any shift."""
        return any(shift.verdict != "too few" for shift in self.shifts)


def lines(found: Findings) -> Iterator[str]:
    """The findings as text."""
    seen = found.periods
    yield f"release {found.release}: {len(seen.now):,} photos from {seen.first} to {seen.last} (UTC)"
    yield f"left out: {seen.repeated:,} repeated, {seen.own:,} of the catalogue itself, {seen.others:,} of other models"
    what = "photos of the days before" if found.against == "before" else "held-out photos of the catalogue"
    yield f"compared with {found.compared:,} {what}"
    yield ""
    yield f"{'shift':17}{'size':>6}  {f'{100 * CONFIDENCE:.1f} % interval':17}{'photos':>7}  verdict"
    for shift in found.shifts:
        interval = f"{shift.low:.2f} to {shift.high:.2f}"
        needed = f" ({shift.photos:,}; needs {shift.needed})" if shift.verdict == "too few" else ""
        yield f"{shift.kind.name:17}{shift.value:6.2f}  {interval:17}{shift.photos:7,}  {shift.verdict}{needed}"
    yield ""
    yield from (f"{name}: {meaning}" for name, meaning in _MEANING.items())
    yield ""
    yield from _wanted_lines(found)
    yield ""
    yield conclusion(found)


def conclusion(found: Findings) -> str:
    """One sentence."""
    if found.retrain:
        names = ", ".join(shift.kind.name for shift in found.shifts if shift.verdict == "retrain")
        return f"Drift: {names}. Retrain with listings and photos like those that people send now."
    if not found.judged:
        return "Too few photos to say anything."
    return "No sign of drift."


def as_json(found: Findings) -> dict[str, Any]:
    """The findings as JSON values."""
    seen = found.periods
    return {
        "release": found.release,
        "first": seen.first.isoformat(),
        "last": seen.last.isoformat(),
        "photos": len(seen.now),
        "left_out": {"repeated": seen.repeated, "own": seen.own, "other_releases": seen.others},
        "against": found.against,
        "compared": found.compared,
        "confidence": CONFIDENCE,
        "shifts": [{**asdict(shift), "kind": shift.kind.name} for shift in found.shifts],
        "unlike_below": round(found.unlike_below, 4),
        "unlike": [{**asdict(one), "share": round(one.share, 4)} for one in found.wanted],
        "retrain": found.retrain,
        "judged": found.judged,
    }


def _wanted_lines(found: Findings) -> Iterator[str]:
    yield (
        f"What to buy in: photos with a top score below {found.unlike_below:.2f}, which 99 of 100 photos of known "
        "products reach"
    )
    yield f"{'predicted category':34}{'photos':>7}{'unlike':>8}{'share':>8}  {'95 % interval':16}request ids"
    for one in found.wanted[: _SHOWN + 1]:
        interval = f"{one.low:.1%} to {one.high:.1%}"
        name = "all" if one.category is None else one.category[:33]
        ids = " ".join(one.examples)
        yield f"{name:34}{one.photos:7,}{one.unlike:8,}{one.share:8.1%}  {interval:16}{ids}".rstrip()
