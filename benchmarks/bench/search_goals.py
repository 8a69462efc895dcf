"""What search is to reach at each size of catalogue."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goals:
    """What is to be reached at a size: recall@10, and at most so many milliseconds, megabytes, seconds."""

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
