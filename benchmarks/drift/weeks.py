"""False alarms and power of `scripts/drift`, on simulated weeks of queries to a release of the sample catalogue.

Each day has its own mix of categories, and people send the same photo again. `SEED` differs from the one with which the
limits of `operate.drift.shifts` were chosen.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from benchmarks.drift.photos import Traffic, traffic
from benchmarks.figures.table import Goal, Report, Row, exact
from operate.drift.answers import Answer
from operate.drift.command import judged
from operate.drift.periods import Periods, periods
from training.pipeline.progress import track

SEED = 1
PHOTOS, QUERIES, WEEKS, WEEKS_WITHOUT = 3_000, 500, 50, 300
QUICK_PHOTOS, QUICK_QUERIES, QUICK_WEEKS = 600, 60, 5
A_WEEK = 500  # queries
REPEATED = 0.3  # share of the queries that are a photo sent again on the same day
DAYS_DIFFER = 0.3  # standard deviation of the logarithm of a category's share, between days
MORE = 4.0  # how much more often three categories are asked for, if the mix changes
LAST = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Drift:
    """A week's shift: the share of its queries that are of another sort, or another mix of categories."""

    name: str
    sort: str = "usual"
    share: float = 0.0
    mix: bool = False


NONE = Drift("none")
DRIFTS = (
    Drift("all photos dark (30 % of the light)", "dark", 1.0),
    Drift("half of the photos blurred (4 of 256 pixels)", "blurred", 0.5),
    Drift("three categories asked for 4 times as often", mix=True),
    Drift("products of an unknown category, 30 %", "unknown", 0.3),
    Drift("other kinds within categories, 30 %", "other kinds", 0.3),
)


def run(quick: bool) -> Report:
    """Train on a sample catalogue, and simulate weeks against the reference and against four weeks before."""
    with TemporaryDirectory() as scratch:
        asked = traffic(Path(scratch), *((QUICK_PHOTOS, QUICK_QUERIES) if quick else (PHOTOS, QUERIES)), SEED)
    return measure(asked, *((QUICK_WEEKS, QUICK_WEEKS) if quick else (WEEKS_WITHOUT, WEEKS)))


def measure(asked: Traffic, weeks_without: int, weeks: int) -> Report:
    """The shares of weeks with the verdict to retrain."""
    rows = []
    for against in ("reference", "before"):
        for drift in (NONE, *DRIFTS):
            count = weeks_without if drift is NONE else weeks
            found = alarms(asked, drift, against, count)
            goal = Goal("at most", 0.02) if drift is NONE else Goal("at least", 0.9)
            what = "weeks without drift, false alarms" if drift is NONE else f"  {drift.name}"
            rows.append(
                Row(
                    what
                    if drift is not NONE
                    else f"{what}, {'reference' if against == 'reference' else 'days before'}",
                    exact(found),
                    goal=goal,
                )
            )
    return Report(
        rows,
        [
            f"{weeks_without} weeks without drift, {weeks} of each drift; {A_WEEK} queries, {REPEATED:.0%} repeated",
            f"before: four such weeks, with popular products; catalogue: {asked.manifest.catalog.count:,} photos",
        ],
    )


def alarms(asked: Traffic, drift: Drift, against: str, weeks: int) -> float:
    """The share of simulated weeks with the verdict to retrain."""
    random = np.random.default_rng((SEED, weeks, len(drift.name), len(against)))
    found = 0
    for _ in track(range(weeks), weeks, f"{against}, {drift.name}", "week"):
        found += judged(simulated(asked, drift, against == "before", random), asked.manifest, against).retrain
    return found / weeks


def simulated(asked: Traffic, drift: Drift, with_before: bool, random: np.random.Generator) -> Periods:
    """The log of a week with a drift; with four weeks without it before."""
    usual = asked.sorts["usual"]
    # A few products are popular, in all weeks alike. The reference knows nothing of that.
    places = np.unique(usual.product, return_inverse=True)[1]
    popular = random.permutation(np.arange(1, places.max() + 2) ** -0.7)[places]
    popularity = popular if with_before else np.ones(len(places))
    log: list[Answer] = []
    for day in range(35 if with_before else 7):
        log += _day(asked, drift if day < 7 else NONE, day, popularity, random)
    return periods(log, 7, 28, None, asked.manifest.release.__eq__)


def _day(
    asked: Traffic, drift: Drift, day: int, popularity: npt.NDArray[np.float64], random: np.random.Generator
) -> list[Answer]:
    categories = asked.manifest.categories
    wanted = np.exp(random.normal(0, DAYS_DIFFER, len(categories)))
    if drift.mix:
        wanted[_more(len(categories))] *= MORE
    usual, other = asked.sorts["usual"], asked.sorts[drift.sort]
    weights = popularity * wanted[usual.category]
    photos: list[Answer] = []
    count = random.poisson(math.ceil(A_WEEK / 7))
    drawn = random.choice(len(weights), count, p=weights / weights.sum())
    for number in range(count):
        if photos and random.random() < REPEATED:
            photos.append(photos[random.integers(len(photos))])
            continue
        strange = random.random() < drift.share
        answers = other if strange else usual
        place = random.integers(len(other.score)) if strange else drawn[number]
        photos.append(
            Answer(
                LAST - timedelta(days=day),
                f"{day}-{number}",
                asked.manifest.release,
                categories[answers.category[place]],
                int(answers.cell[place]),
                round(float(answers.score[place]), 6),
                False,
            )
        )
    return photos


def _more(categories: int) -> list[int]:
    return [0, categories // 3, 2 * categories // 3]
