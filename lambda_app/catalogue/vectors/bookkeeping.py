"""The state of an index in the store, and the progress of a load in it, written after each batch."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from lambda_app.errors import ConflictError, LookalikeError, MissingObjectError, ReleaseError, StoreError
from lambda_app.search.s3vectors.state import VECTORS, IndexState, Loading, read_state, state_key
from lambda_app.store.contract import Store, Versioned

Clock = Callable[[], datetime]
# After so long without a write, a load makes sure that no other one has taken its place, which takes 90 s of silence.
CHECKED = timedelta(seconds=30)
OTHERS = -1  # in place of a batch's first operation: what the release lacks is deleted
_TRIES = 5

log = logging.getLogger(__name__)


def stored_state(store: Store, index: str) -> tuple[IndexState | None, str | None]:
    """The state of an index and its version; None twice if the store has none.

    Raises:
        ReleaseError: it is damaged; the message says how to go on.
    """
    try:
        found = store.read_versioned(state_key(index))
    except MissingObjectError:
        return None, None
    if found is None:  # only if asked for a newer version
        return None, None
    try:
        return read_state(found.data), found.version
    except ReleaseError as exc:
        raise ReleaseError(
            f"{state_key(index)} in {store}: {exc}. Delete this object; then scripts/vectors load --again puts all"
        ) from exc


def stored_states(store: Store) -> dict[str, IndexState]:
    """The states of all indexes, by the index's name."""
    names = [key.removeprefix(VECTORS).removesuffix(".json") for key in store.keys(VECTORS)]
    found = {name: stored_state(store, name)[0] for name in names}
    return {name: state for name, state in found.items() if state is not None}


def held_in_indexes(store: Store) -> set[str]:
    """The releases that indexes hold: the next load compares with them."""
    found: set[str] = set()
    for state in stored_states(store).values():
        loading = () if state.loading is None else (state.loading.release, *state.loading.between)
        found |= {name for name in (state.release, *loading) if name is not None}
    return found


class Progress:
    """Writes the state of an index while it is loaded. Thread-safe.

    What is written says which operations are done. Each batch is in it before the connection that sent it sends the
    next one. So a load that is killed sends at most one batch of each connection again.
    """

    def __init__(self, store: Store, index: str, state: IndexState, version: str | None, now: Clock) -> None:
        """Write the state that a load begins with.

        Args:
            store: where the state is.
            index: its name.
            state: with `loading`.
            version: of the state that was read before; None: there was none.
            now: the clock.

        Raises:
            ConflictError: another loader has begun at the same time.
        """
        self._store, self._index, self._now = store, index, now
        self._lock, self._waiting = threading.Lock(), threading.Lock()
        self._added: list[tuple[int, int]] = []
        self._on_their_way: set[int] = set()
        self._lost = False
        self.state, self._version = state, version
        self._write(state)

    def may_send(self, begin: int) -> None:
        """Check before a batch is sent, or sent again, that this load has the index still.

        The process may have been stopped for long: a closed laptop, a paused machine. The clock tells, so a load that
        writes its state all the time reads nothing for that.

        Args:
            begin: the first operation of the batch.

        Raises:
            ConflictError: another loader works on this index now.
        """
        if self._lost:
            raise self._conflict()
        if self._now() - self.state.updated_at >= CHECKED:
            self.alive(CHECKED)
        self._on_their_way.add(begin)

    def note_late(self) -> None:
        """After a failure: if another loader has taken this one's place, note what this one may have sent after that.

        The service knows of no loaders, so a batch that was on its way may have come after those of the other one. The
        note makes the next load compare the index with this one's release too, and send what differs.
        """
        own, tries = self.state.loading, range(_TRIES if self._on_their_way else 0)
        for _ in tries:
            try:
                found = self._read()
                noted = None if own is None else _with_late(read_state(found.data), self.state.vector_bucket, own)
                if noted is not None:
                    self._store.replace(state_key(self._index), noted.to_json(), found.version)
                    log.warning("index %s may hold items of a stopped load; the next load compares them", self._index)
                return
            except ConflictError:
                continue
            except LookalikeError as exc:
                log.warning("%s: compare it with scripts/vectors check: %s", self._index, exc)
                return

    def done(self, begin: int, end: int) -> None:
        """Note that a range of operations is done. When this returns, the store knows it.

        Raises:
            ConflictError: another loader works on this index now.
        """
        with self._waiting:
            self._added.append((begin, end))
        with self._lock:
            with self._waiting:
                added, self._added = self._added, []
            if added and (loading := self.state.loading) is not None:  # else another thread has written it
                ranges = joined([*loading.done, *added])
                self._write(self.state.model_copy(update={"loading": loading.model_copy(update={"done": ranges})}))
        self._on_their_way.discard(begin)

    def alive(self, every: timedelta = timedelta(0)) -> None:
        """Write that this load still runs, if what is in the store is older than this.

        Raises:
            ConflictError: another loader works on this index now.
        """
        with self._lock:
            if self._now() - self.state.updated_at >= every:
                self._write(self.state)
                self._on_their_way.discard(OTHERS)

    def give_up(self) -> None:
        """Write that nothing runs any more, so that another load may begin at once. What is done stays noted."""
        with self._lock:
            if (loading := self.state.loading) is not None:
                self._write(self.state.model_copy(update={"loading": loading.model_copy(update={"loader": ""})}))

    def end(self, **fields: object) -> None:
        """Write the state after the load."""
        with self._lock:
            self._write(self.state.model_copy(update={"loading": None, **fields}))

    def _write(self, state: IndexState) -> None:
        state = state.model_copy(update={"updated_at": self._now()})
        data = state.to_json()
        try:
            self._store.replace(state_key(self._index), data, self._version)
        except ConflictError as exc:
            # If the response to the write is lost, the write is sent again, and conflicts with the first one.
            if self._read().data != data:
                raise self._conflict() from exc
        if (found := self._read()).data != data:
            raise self._conflict()
        self.state, self._version = state, found.version

    def _conflict(self) -> ConflictError:
        self._lost = True
        return ConflictError(
            f"another loader works on index {self._index} now, so this one has stopped; the other one goes on from here"
        )

    def _read(self) -> Versioned:
        found = self._store.read_versioned(state_key(self._index))
        if found is None:
            raise StoreError(f"{state_key(self._index)} cannot be read")
        return found


def _with_late(state: IndexState, bucket: str, late: Loading) -> IndexState | None:
    """The state with the note that the index may hold items of a stopped load; None if that changes nothing."""
    loading = state.loading or Loading(release=state.release or late.release)
    ours = loading.loader == late.loader
    if state.vector_bucket != bucket or ours or loading.release == late.release:
        return None
    between = tuple(dict.fromkeys([*loading.between, late.release]))
    # What the other loader has done may be undone, so it begins again, with the same rows. It writes the time itself.
    return state.model_copy(update={"loading": loading.model_copy(update={"between": between, "done": ()})})


def joined(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Ranges in order; those that touch each other become one."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(ranges):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((begin, end))
    return tuple(found)
