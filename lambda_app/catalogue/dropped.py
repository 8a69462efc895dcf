"""Changes that are dropped as a file: lines of changes, as in the log, without its first line."""

from datetime import datetime
from hashlib import sha256

from lambda_app.catalogue.changes import MOST_ENTRY_BYTES, Revert, read_change
from lambda_app.catalogue.log import append
from lambda_app.errors import ChangeError, RefusedReleaseError
from lambda_app.store.contract import Store


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
    changes = []
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            change = read_change(line)
            if isinstance(change, Revert):
                raise ChangeError("a revert is written by scripts/releases rollback only")
        except ChangeError as exc:
            raise RefusedReleaseError(f"line {number} of {key}: {exc}") from exc
        changes.append(change)
    # The moment is not part of the batch: with `once`, the entry of the first delivery stays.
    batch = f"{key[:700]} {occasion[:100]} {sha256(data).hexdigest()}"
    return append(store, changes, key[:700], batch, now, once=True)
