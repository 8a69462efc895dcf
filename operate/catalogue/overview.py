"""What the log of changes holds, line by line for people; and waiting until an entry is live."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lambda_app.catalogue.changes import Entry, Revert, Unreadable
from lambda_app.catalogue.draft import effective
from lambda_app.catalogue.log import entries, last_number, live_changes_through
from lambda_app.catalogue.rejections import rejections_key
from lambda_app.errors import MissingObjectError
from lambda_app.store.contract import Store
from operate.catalogue.photos import CatalogueError
from training.prepare.intake.fields.words import counted

_SHOWN = 10
_COLUMNS = f"{'entry':>7}  {'written':20}{'state':11}{'changes':42}source"


def log_lines(store: Store, last: int) -> Iterator[str]:
    """The header of the table, then a line for each of the last entries, the newest first."""
    end, live = last_number(store), live_changes_through(store)
    if not end:
        yield f"the log of {store} is empty"
        return
    yield _COLUMNS
    shown = list(entries(store, max(0, end - last), end))
    counting = {entry.number for entry in effective(shown)}
    for entry in reversed(shown):
        state = "live" if entry.number <= live else "waiting"
        if entry.number not in counting and not any(isinstance(change, Revert) for change in entry.lines):
            state = "undone"
        yield _line(entry, state, store.exists(rejections_key(entry.number)))


def wait_until_live(
    store: Store, number: int, seconds: float, pause: float = 2.0, sleep: Callable[[float], None] = time.sleep
) -> str:
    """Wait until the live release contains an entry; returns what to print.

    Raises:
        CatalogueError: it did not within `seconds`. The entry stays in the log.
    """
    until = time.monotonic() + seconds
    while live_changes_through(store) < number:
        if time.monotonic() >= until:
            raise CatalogueError(
                f"entry {number} is in the log, but not live after {seconds:g} s; scripts/catalogue log shows its state"
            )
        sleep(pause)
    return f"entry {number} is live; servers show it within LOOKALIKE_RELOAD_SECONDS (30 s unless set)"


def rejection_lines(store: Store, numbers: Sequence[int]) -> Iterator[str]:
    """Which changes of these entries could not be applied, and why: at most 10, and the files that hold all."""
    told = 0
    for number in numbers:
        rejected = _rejected(store, number)
        if not rejected:
            continue
        yield f"{counted(len(rejected), 'change')} could not be applied; {rejections_key(number)} has the reasons:"
        shown = rejected[: max(0, _SHOWN - told)]
        told += len(shown)
        for one in shown:
            yield f"  change {one['line']} of entry {number}: {one['reason']}"
        if len(rejected) > len(shown):
            yield f"  and {len(rejected) - len(shown):,} more"


def rejected_count(store: Store, numbers: Sequence[int]) -> int:
    """How many changes of these entries could not be applied."""
    return sum(len(_rejected(store, number)) for number in numbers)


def _rejected(store: Store, number: int) -> list[dict[str, Any]]:
    try:
        return list(json.loads(store.read(rejections_key(number)))["rejected"])
    except MissingObjectError:
        return []


def _line(entry: Entry, state: str, rejected: bool) -> str:
    bad = sum(isinstance(line, Unreadable) for line in entry.lines)
    counts = Counter(line.op for line in entry.lines if not isinstance(line, Unreadable))
    told = ", ".join(
        [*(f"{count:,} {name}" for name, count in counts.items()), *([f"{bad:,} unreadable"] if bad else [])]
    )
    state += " *" if rejected else ""
    if entry.header is None:
        return f"{entry.number:>7}  {'':20}{state:11}{told}"
    moment = f"{entry.header.written_at:%Y-%m-%d %H:%M:%S}"
    return f"{entry.number:>7}  {moment:20}{state:11}{told:42}{entry.header.source}"
