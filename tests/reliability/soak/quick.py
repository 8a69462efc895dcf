"""Checks a report without its figures of speed and memory, which depend on the machine and on the length of the run."""

from benchmarks.figures.table import Report


def missed(report: Report, *but: str) -> list[str]:
    """The measures whose goal is missed, except those with one of these words."""
    return [row.measure for row in report.rows if row.met is False and not any(word in row.measure for word in but)]


def counts(report: Report, measure: str) -> list[float]:
    """The figures of all rows with this measure."""
    return [row.ours.median for row in report.rows if row.measure.strip() == measure]
