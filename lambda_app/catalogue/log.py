"""The log of changes: entries with numbers 1, 2, 3, ... without gaps, each written once and never changed.

An entry is written only under the number after the last one, and only if nothing has that number. So the last number is
found by asking for a few numbers, and nothing is listed, however long the log is.

**Exactly one entry for a batch.** A write whose response is lost is sent again and conflicts with itself: the entry
under the number then carries the writer's own `batch`. The same batch may also come again much later, because an event
is delivered twice, when many entries follow the first. So for such a writer (`once`) a note is written first: the
number of the last entry before the batch. From there on each number is tried in turn, and the first try that finds the
batch's own entry ends the search. If the process ends after the note, the next try begins at the same number; if it
ends after the entry, the next try finds it. Two tries at once meet at the number of the first one that succeeded.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256

from lambda_app.catalogue.changes import (
    MOST_CHANGES,
    Change,
    Entry,
    Header,
    Unreadable,
    Upsert,
    read_entry,
    write_entry,
)
from lambda_app.errors import ChangeError, ConflictError, MissingObjectError, ReleaseError
from lambda_app.release.manifest import MANIFEST, read_manifest
from lambda_app.store.contract import CHANGES, RELEASES, Store

BATCHES = f"{CHANGES}batches/"
# Photos take time: an entry is applied as a whole, in a Lambda within its 15 minutes.
MOST_UPSERTS = 1_000
# Changes that one release takes at most: then it goes live, and the next one is made.
MOST_CHANGES_AT_ONCE = 20_000
MOST_NUMBER = 10**12 - 1
_PARALLEL = 8
# Between the clock of the machine that trains and those of the machines that write changes.
CLOCKS_DIFFER = timedelta(hours=1)


def entry_key(number: int) -> str:
    """Where an entry is stored."""
    return f"{CHANGES}{number:012}.jsonl"


def append(
    store: Store, changes: Sequence[Change], source: str, batch: str, written_at: datetime, *, once: bool = False
) -> list[int]:
    """Append changes to the log, as one entry or as several if there are many.

    Args:
        changes: in the order in which they apply.
        source: who writes, for people.
        batch: an id of these changes. If it was appended before, nothing is appended again.
        written_at: the moment.
        once: whether the same batch may come again at any later time, such as an event that is delivered twice. Then
            `changes` must be the same as well. Without it, only the retries of this very call are recognised.

    Returns:
        The numbers of the entries; none if there is no change.

    Raises:
        ChangeError: a change, or all of them together, is larger than an entry may be.
        StoreError: the store cannot be written. The call may be repeated if `once`.
    """
    parts = _parts(changes)
    # All of them are checked before the first is written.
    names = [batch if len(parts) == 1 else f"{batch}/{number}" for number in range(1, len(parts) + 1)]
    entries = [write_entry(part, source, name, written_at) for part, name in zip(parts, names, strict=True)]
    if not entries:
        return []
    last = _noted(store, batch) if once else last_number(store)
    numbers = []
    for name, data in zip(names, entries, strict=True):
        last = _append(store, name, data, last)
        numbers.append(last)
    return numbers


def entries(store: Store, after: int, through: int | None = None) -> Iterator[Entry]:
    """The entries after a number, in order; up to `through`, or to the last one."""
    end = last_number(store, after) if through is None else through
    numbers = range(after + 1, end + 1)
    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="log") as pool:
        for start in range(0, len(numbers), _PARALLEL):
            block = numbers[start : start + _PARALLEL]
            found = map(read_entry, block, pool.map(lambda number: store.read(entry_key(number)), block))
            yield from map(_bounded, found)


def _bounded(entry: Entry) -> Entry:
    """The entry. If another writer gave it more photos than a run may take in time, it cannot be applied at all."""
    upserts = sum(isinstance(change, Upsert) for change in entry.lines)
    if upserts <= MOST_UPSERTS:
        return entry
    reason = f"the entry has {upserts:,} upserts; an entry may have {MOST_UPSERTS:,}, because it is applied as a whole"
    return Entry(entry.number, None, (Unreadable(reason),))


def next_entries(store: Store, after: int) -> list[Entry]:
    """The next entries, as many as one release takes."""
    found: list[Entry] = []
    changes = upserts = 0
    for entry in entries(store, after):
        new = sum(isinstance(change, Upsert) for change in entry.lines)
        if found and (changes + len(entry.lines) > MOST_CHANGES_AT_ONCE or upserts + new > MOST_UPSERTS):
            break
        found.append(entry)
        changes, upserts = changes + len(entry.lines), upserts + new
    return found


def last_number(store: Store, known: int | None = None) -> int:
    """The number of the last entry; 0 if there is none.

    Args:
        known: an entry that exists, or 0; None: the last one that the live release contains. The search begins there.
    """
    low = live_changes_through(store) if known is None else known
    step = 1
    while store.exists(entry_key(low + step)):
        low, step = low + step, 2 * step
    high = low + step  # low exists, high does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if store.exists(entry_key(middle)) else (low, middle)
    return low


def live_changes_through(store: Store) -> int:
    """The last entry that the live release contains; 0 if nothing is live."""
    try:
        live = store.read_pointer()
        if live is None:
            return 0
        return read_manifest(store.read(f"{RELEASES}{live.pointer.release}/{MANIFEST}")).changes_through
    except (MissingObjectError, ReleaseError):
        return 0


def first_since(store: Store, moment: datetime) -> int:
    """The number before the first entry that may have been written at or after a moment, less an hour.

    Clocks differ, so times of entries are in order only roughly. The hour covers that.
    """
    low, high = 0, last_number(store) + 1
    while high - low > 1:
        middle = (low + high) // 2
        header = _header(store, middle)
        # An entry without a time counts as late: what is applied again does no harm.
        early = header is not None and header.written_at < moment - CLOCKS_DIFFER
        low, high = (middle, high) if early else (low, middle)
    return low


def _parts(changes: Sequence[Change]) -> list[list[Change]]:
    """The changes in parts that an entry may hold."""
    parts: list[list[Change]] = []
    upserts = MOST_UPSERTS
    for change in changes:
        if not parts or len(parts[-1]) == MOST_CHANGES or (isinstance(change, Upsert) and upserts == MOST_UPSERTS):
            parts.append([])
            upserts = 0
        parts[-1].append(change)
        upserts += isinstance(change, Upsert)
    return parts


def _append(store: Store, batch: str, data: bytes, after: int) -> int:
    """The number of the entry with this batch, which is written if none after this number has it."""
    for number in range(after + 1, MOST_NUMBER):
        try:
            store.replace(entry_key(number), data, None)
        except ConflictError:
            header = _header(store, number)
            if header is None or header.batch != batch:
                continue
        return number
    raise ChangeError(f"the log of {store} is full: {MOST_NUMBER:,} entries")


def _noted(store: Store, batch: str) -> int:
    """The number of the last entry when this batch came for the first time."""
    key = f"{BATCHES}{sha256(batch.encode(errors='replace')).hexdigest()}.json"
    with suppress(ConflictError):  # it came before, or comes at the same time
        store.replace(key, json.dumps({"batch": batch, "after": last_number(store)}).encode(), None)
    return int(json.loads(store.read(key))["after"])


def _header(store: Store, number: int) -> Header | None:
    return read_entry(number, store.read(entry_key(number))).header
