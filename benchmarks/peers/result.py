"""The figures of one size of catalogue."""

from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.peers.process import Built, Measured, Tried


@dataclass(frozen=True)
class Result:
    """An engine: what it was built with, the settings that were tried, the chosen one, and its rounds."""

    name: str
    built: Built
    tried: tuple[Tried, ...]
    chosen: Tried
    rounds: list[Measured]


@dataclass(frozen=True)
class Failed:
    """An engine that was not measured, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Size:
    """A size of catalogue; `recall` is ours with the queries for tuning, which the others had to reach."""

    count: int
    recall: float
    results: list[Result]
    failed: list[Failed]

    def as_json(self) -> dict[str, Any]:
        """All figures."""
        return asdict(self)
