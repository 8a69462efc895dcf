"""The goals of search for each catalogue size."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goals:
    """The goals for one size: least recall@10, and most milliseconds, megabytes and seconds."""

    recall: float
    query: float
    file: float | None = None
    first: float | None = None


GOALS = {
    10_000: Goals(0.999, 0.25),
    100_000: Goals(0.999, 1.0),
    1_000_000: Goals(0.98, 0.3, 300, 300),
    10_000_000: Goals(0.95, 1.0, 3000),
}
