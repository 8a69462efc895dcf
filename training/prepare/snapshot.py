"""The moment of a snapshot: up to when the listings of a data folder can hold the changes of a catalogue."""

from datetime import UTC, datetime
from pathlib import Path

from training.prepare.intake.source.find import table_files
from training.prepare.intake.wrapper import wrapper


def snapshot_of(data: Path, now: datetime) -> datetime | None:
    """When the listings were written: the time of the oldest table, to the second, but never after `now`.

    Before a release goes live, later changes of the store's log are applied to it, so a moment too early costs time and
    a moment too late loses changes. A table can have been written long before it is read.

    Args:
        data: a data folder.
        now: the moment, before anything is read.

    Returns:
        None if there is no table. The time of a folder of photos does not say what its photos are listings of.
    """
    root = data / wrapper(data)
    written = [(root / name).stat().st_mtime for name in table_files(root)]
    if not written:
        return None
    seconds = min(now.timestamp(), *written)
    return datetime.fromtimestamp(int(max(seconds, 0)), UTC)
