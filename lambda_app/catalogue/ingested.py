"""What became of the log of changes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ingested:
    """What became of the log.

    Attributes:
        release: the release that is live.
        through: the last entry that it contains.
        applied, rejected: number of changes; the reasons are in `rejected/changes/`.
        finished: whether the log had no more entries; else there was no time for them.
        detail: the same in words.
    """

    release: str
    through: int
    applied: int
    rejected: int
    finished: bool = True

    @property
    def detail(self) -> str:
        """What became of the log, in words."""
        changes = "change" if self.applied == 1 else "changes"
        return (
            f"{self.release} is live and contains the log up to entry {self.through}: {self.applied:,} {changes} "
            f"applied, {self.rejected:,} rejected{'' if self.finished else '; more entries follow'}"
        )
