"""The result of a benchmark and its table: measure, baseline, ours, ratio, goal."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

_MEASURE_WIDTH, _VALUE_WIDTH, _RATIO_WIDTH = 64, 24, 8


@dataclass(frozen=True)
class Spread:
    """A figure measured several times.

    Attributes:
        median, low, high: median, minimum and maximum of the measurements.
        n: number of measurements.
    """

    median: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if self.n == 1:
            return number(self.median)
        return f"{number(self.median)} ({number(self.low)}..{number(self.high)})"


def spread(values: Iterable[float]) -> Spread:
    """The spread of one or more measurements.

    Raises:
        ValueError: there are no measurements.
    """
    measured = list(values)
    if not measured:
        raise ValueError("there is no measurement; a median needs at least one")
    return Spread(statistics.median(measured), min(measured), max(measured), len(measured))


def exact(value: float) -> Spread:
    """A figure without spread: a count, a size, a share."""
    return Spread(value, value, value, 1)


@dataclass(frozen=True)
class Goal:
    """The goal of a row: its ratio, or our figure, must be at most or at least `limit`."""

    kind: Literal["at most", "at least"]
    limit: float
    of: Literal["ratio", "ours"] = "ours"

    def met(self, value: float) -> bool:
        """Whether a value meets the goal. The limit itself meets it."""
        return value <= self.limit if self.kind == "at most" else value >= self.limit

    def __str__(self) -> str:
        sign = "<=" if self.kind == "at most" else ">="
        return f"{sign} {number(self.limit)}{' x' if self.of == 'ratio' else ''}"


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        measure: what was measured, with its unit; indented if it is a part of the row above.
        ours: this project's figure.
        baseline: the figure of the baseline in the same unit, or None.
        goal: the goal, or None.
    """

    measure: str
    ours: Spread
    baseline: Spread | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """Our median divided by the baseline's; None without a baseline or if it is zero."""
        if self.baseline is None or self.baseline.median == 0:
            return None
        return self.ours.median / self.baseline.median

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal, or if the goal is a ratio and there is no ratio."""
        if self.goal is None:
            return None
        value = self.ratio if self.goal.of == "ratio" else self.ours.median
        return None if value is None else self.goal.met(value)

    def as_json(self) -> dict[str, Any]:
        """The row's figures by name."""
        return {
            "measure": self.measure.strip(),
            "part": self.measure.startswith(" "),
            "baseline": vars(self.baseline) if self.baseline else None,
            "ours": vars(self.ours),
            "ratio": self.ratio,
            "goal": str(self.goal) if self.goal else None,
            "met": self.met,
        }


@dataclass(frozen=True)
class Report:
    """The result of a benchmark.

    Attributes:
        notes: conditions, sizes, and what could not be measured and why.
        plots: the paths of written plots.
    """

    rows: Sequence[Row]
    notes: Sequence[str] = ()
    plots: Sequence[Path] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """The report's content."""
        return {
            "rows": [row.as_json() for row in self.rows],
            "notes": list(self.notes),
            "plots": [path.name for path in self.plots],
        }


def lines(name: str, report: Report) -> list[str]:
    """A report as text: a heading, one line per row, notes, plots."""
    heading = _line(f"{name}: measure", "baseline", "ours", "ratio", "goal")
    texts = [heading, "-" * len(heading)]
    for row in report.rows:
        verdict = {True: "met", False: "MISSED", None: ""}[row.met]
        texts.append(
            _line(
                row.measure,
                str(row.baseline) if row.baseline else "",
                str(row.ours),
                number(row.ratio) if row.ratio is not None else "",
                f"{row.goal or ''}  {verdict}",
            )
        )
    texts += [f"  {note}" for note in report.notes]
    return texts + [f"  plot: {path}" for path in report.plots]


def write_json(path: Path, figures: dict[str, Any]) -> None:
    """Write figures to a temporary file beside `path`, then rename it to `path`."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(figures, indent=1) + "\n")
    partial.replace(path)


def number(value: float) -> str:
    """Three significant digits, or all digits before the decimal point, with thousands separators."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.{1 if size >= 10 else 2 if size >= 1 else 3}f}"


def _line(measure: str, baseline: str, ours: str, ratio: str, goal: str) -> str:
    return (
        f"{measure:<{_MEASURE_WIDTH}}{baseline:>{_VALUE_WIDTH}}{ours:>{_VALUE_WIDTH}}{ratio:>{_RATIO_WIDTH}}  {goal}"
    ).rstrip()
