"""The state of an index in the store, and the progress of a load in it, written after each batch."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from lambda_app.errors import ConflictError, MissingObjectError, ReleaseError, StoreError
from lambda_app.search.s3vectors.state import VECTORS, IndexState, read_state, state_key
from lambda_app.store.contract import Store, Versioned

Clock = Callable[[], datetime]


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
        self.state, self._version = state, version
        self._write(state)

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

    def alive(self, every: timedelta = timedelta(0)) -> None:
        """Write that this load still runs, if what is in the store is older than this.

        Raises:
            ConflictError: another loader works on this index now.
        """
        with self._lock:
            if self._now() - self.state.updated_at >= every:
                self._write(self.state)

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
        return ConflictError(
            f"another loader works on index {self._index} now, so this one has stopped; the other one goes on from here"
        )

    def _read(self) -> Versioned:
        found = self._store.read_versioned(state_key(self._index))
        if found is None:
            raise StoreError(f"{state_key(self._index)} cannot be read")
        return found


def joined(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Ranges in order; those that touch each other become one."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(ranges):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((begin, end))
    return tuple(found)
