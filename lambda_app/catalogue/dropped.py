"""Changes that are dropped as a file: lines of changes, as in the log, without its first line."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from lambda_app.catalogue.changes import MOST_ENTRY_BYTES, Change, Revert, read_change
from lambda_app.catalogue.log import append
from lambda_app.errors import ChangeError, RefusedReleaseError
from lambda_app.store.contract import Store

_SHOWN = 10


def read_lines(data: bytes, name: str) -> list[Change]:
    """The changes of a file with one in each line. Blank lines are left out.

    Args:
        name: of the file, for messages.

    Raises:
        ChangeError: lines are no changes; the message has a line for each of the first ten.
    """
    lines = enumerate(data.split(b"\n"), start=1)
    return read_changes((f"line {number} of {name}", line) for number, line in lines if line.strip())


def read_changes(lines: Iterable[tuple[str, bytes]]) -> list[Change]:
    """The changes of named lines.

    Raises:
        ChangeError: lines are no changes; the message has a line for each of the first ten.
    """
    changes: list[Change] = []
    wrong: list[str] = []
    for name, line in lines:
        try:
            change = read_change(line)
            if isinstance(change, Revert):
                raise ChangeError("a revert is written by scripts/releases rollback only")
        except ChangeError as exc:
            wrong.append(f"{name}: {exc}")
        else:
            changes.append(change)
    if wrong:
        told = [*wrong[:_SHOWN], *([f"and {len(wrong) - _SHOWN:,} more"] if len(wrong) > _SHOWN else [])]
        raise ChangeError("\n".join(told))
    return changes


def append_drop(store: Store, key: str, now: datetime, occasion: str = "") -> list[int]:
    """Append the changes of a drop to the log, once, also if the event of the drop is delivered again.

    Args:
        key: of the drop.
        now: the moment, for new entries.
        occasion: tells a file that is dropped again, after other changes, from an event that is delivered again.

    Returns:
        The numbers of the entries.

    Raises:
        RefusedReleaseError: a line is not a change, or there are too many bytes; nothing is appended.
        MissingObjectError: there is no such drop.
    """
    data = store.read(key)
    if len(data) > MOST_ENTRY_BYTES:
        raise RefusedReleaseError(f"{key} has {len(data):,} bytes; changes may have {MOST_ENTRY_BYTES:,}")
    try:
        changes = read_lines(data, key)
    except ChangeError as exc:
        raise RefusedReleaseError(str(exc)) from exc
    # The moment is not part of the batch: with `once`, the entry of the first delivery stays.
    batch = f"{key[:700]} {occasion[:100]} {sha256(data).hexdigest()}"
    return append(store, changes, key[:700], batch, now, once=True)
