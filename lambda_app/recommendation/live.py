"""The live release of this process: loaded at the first request, hot-swapped when the store's pointer changes.

Requests ask for a look at the pointer, because a Lambda runs no code between requests. Looks and loads run in other
threads, while the old release answers requests. If the Lambda is frozen during one, it continues with the next request.
"""

import logging
import threading
import time
from collections.abc import Callable

from lambda_app.errors import DamagedFileError, MissingObjectError, NotLiveError, OverdueError, ReleaseError, StoreError
from lambda_app.recommendation.fetching import load_live
from lambda_app.recommendation.shown import Live as Live
from lambda_app.recommendation.shown import ShownRelease
from lambda_app.settings import Settings
from lambda_app.store.contract import LivePointer, Store
from lambda_app.telemetry.observer import Observer

log = logging.getLogger(__name__)
FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 60.0
# Enough to read the pointer from S3 in the same region. If S3 hangs, the release that is live answers after this time.
LOOK_WAIT_SECONDS = 0.1
# What is blocked must not be shown, so its read gets more time: after an idle hour, S3 must be connected anew.
BLOCKED_WAIT_SECONDS = 1.0
# The timeouts of the store end a look sooner. One that began before was frozen with the process.
_LONGEST_LOOK_SECONDS = 30.0
# Why nothing is live in an empty store. scripts/smoke tells this from a release that does not load.
NOTHING_PROMOTED = "nothing has been promoted to the store yet"


class LiveRelease:
    """Holds the live release, and replaces it when the pointer changes. Thread-safe."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        observer: Observer | None = None,
        clock: Callable[[], float] = time.monotonic,
        look_wait_seconds: float = LOOK_WAIT_SECONDS,
        blocked_wait_seconds: float = BLOCKED_WAIT_SECONDS,
    ) -> None:
        """Create the holder; nothing is read or loaded yet.

        Args:
            store: the store of the releases.
            settings: limits, threads and times of reloads.
            observer: records every load.
            clock: returns seconds; used for `reload_seconds` and the back-off.
            look_wait_seconds: how long the request that begins to read the pointer waits for it. It waits only if a
                release is live and `settings.reload_wait_seconds` is not 0.
            blocked_wait_seconds: how long requests wait for a look at what is blocked, if the last one is too old.
        """
        self._store = store
        self._settings = settings
        self._observer = observer or Observer()
        self._clock = clock
        self._look_wait_seconds, self._blocked_wait_seconds = look_wait_seconds, blocked_wait_seconds
        self._changed = threading.Condition()
        self._shown = ShownRelease(store)
        self._wanted: LivePointer | None = None
        self._settled: str | None = None  # pointer version that is live, or that cannot be loaded
        self._looking = self._loading = False
        self._has_read_blocked = False  # whether the look that runs has read what is blocked
        self._next_look = self._next_try = self._look_began = self._blocked_at = -float("inf")
        self._backoff = FIRST_RETRY_SECONDS
        self._failed = False  # whether the last load of the wanted pointer failed
        # A text, not an exception: a traceback would keep the objects of a failed load in memory.
        self._reason = "the live pointer has not been read yet"

    def begin(self) -> None:
        """Read the pointer and load in the background, in parallel with the imports of a process that starts."""
        with self._changed:
            self._start_looking()

    def peek(self) -> Live | None:
        """The release that is loaded now, or None. Does not read the pointer and does not wait."""
        return self._shown.live

    def current(self, waited: float = 0.0, patience: float | None = None) -> Live:
        """The release that answers this request.

        A thread reads the pointer if the last read is more than `reload_seconds` ago, and another one loads. If nothing
        is live, the request waits for both, up to `patience` seconds (None: `ready_wait_seconds`): all requests that
        wait share one read and one load. If an older release is live, the request that began the read waits for it up
        to `look_wait_seconds`, and for a load up to `reload_wait_seconds`. In any case, what is blocked was read within
        `reload_seconds`: all requests wait for that up to `blocked_wait_seconds`.

        Args:
            waited: seconds that the request has waited already, such as in a queue behind requests that wait here. They
                count towards `patience`.

        Raises:
            NotLiveError: no release is live; the message says why.
        """
        with self._changed:
            began = self._look_is_due() and self._start_looking()
            self._start_loading()
            if self._shown.live is None:
                most = self._settings.ready_wait_seconds if patience is None else patience
                left = max(0.0, most - waited)
                self._changed.wait_for(lambda: self._shown.live or not (self._looking or self._loading), left)
                if self._shown.live is not None and self._settings.reload_seconds:
                    self._wait_for_blocked()  # the load may have taken longer than `reload_seconds`
            else:
                self._wait_for_blocked()
                if self._settings.reload_wait_seconds:
                    if began:
                        self._changed.wait_for(lambda: not self._looking, self._look_wait_seconds)
                    self._changed.wait_for(lambda: not self._loading, self._settings.reload_wait_seconds)
            if self._shown.live is None:
                raise NotLiveError(self._reason if self._shown.loaded is None else self._shown.problem)
            return self._shown.live

    def _look_is_due(self) -> bool:
        # If nothing is live and nothing is loading, every request asks for a look: the operator may be waiting for the
        # first promotion.
        return (self._shown.live is None and not self._loading) or self._clock() >= self._next_look

    def _wait_for_blocked(self) -> None:
        """Wait until what is blocked has been read late enough for a request of now. The caller must hold the lock.

        After `blocked_wait_seconds` the request goes on with what is known: a store that hangs must not stop all.
        """
        now = self._clock()
        while not self._knows_blocked(now):
            self._start_looking()
            # All who wait for a look share its time, unless the process was frozen during it.
            recent = now - self._look_began < self._settings.reload_seconds + self._blocked_wait_seconds
            left = (min(self._look_began, now) if recent else now) + self._blocked_wait_seconds - self._clock()
            if not self._changed.wait_for(lambda: self._knows_blocked(now) or not self._looking, max(0.0, left)):
                return
            if self._look_began >= now:
                return

    def _knows_blocked(self, now: float) -> bool:
        most = self._settings.reload_seconds
        if not most and self._looking and self._has_read_blocked:
            most = _LONGEST_LOOK_SECONDS
        return now - self._blocked_at < most

    def _start_looking(self) -> bool:
        """Start the thread that reads the pointer, unless one runs; returns whether. The caller must hold the lock."""
        if self._looking:
            return False
        self._looking, self._has_read_blocked, self._look_began = True, False, self._clock()
        threading.Thread(target=self._look, name="release-looker", daemon=True).start()
        return True

    def _look(self) -> None:
        """The looker thread: read what is blocked and the pointer once, and start to load what is new."""
        answering = self._shown.live is not None
        if answering:  # requests wait for what is blocked, so it is read before the pointer
            self._read_blocked()
        try:
            self._read_pointer()
        except Exception:  # requests wait for this thread, so they must learn of any error
            log.exception("the live pointer cannot be read")
            self._note_unreadable("the store's live pointer cannot be read; the log says why")
        with self._changed:
            self._start_loading()  # now, because a load takes longer than the next read
        if self._wanted is not None and not answering:
            self._read_blocked()
        with self._changed:
            self._looking = False
            # From its beginning: the process may have been frozen since.
            self._next_look = self._look_began + self._settings.reload_seconds
            self._start_loading()
            self._changed.notify_all()

    def _read_blocked(self) -> None:
        self._shown.look()
        self._shown.hide_blocked()
        with self._changed:
            self._has_read_blocked, self._blocked_at = True, self._look_began
            self._changed.notify_all()

    def _read_pointer(self) -> None:
        # After a failed load the pointer is read again as a whole: its bytes may have been damaged on the way, and a
        # conditional read would only say that the store's version is the same.
        seen = self._wanted.version if self._wanted and not self._failed else None
        try:
            found = self._store.read_pointer(unless=seen)
        except MissingObjectError:
            self._note_unreadable(NOTHING_PROMOTED)
        except StoreError as exc:
            log.warning("the live pointer cannot be read: %s", exc)
            self._note_unreadable("the store's live pointer cannot be read; the log says why")
        else:
            with self._changed:
                if found is not None and found != self._wanted:
                    self._wanted, self._failed = found, False
                    self._next_try, self._backoff = -float("inf"), FIRST_RETRY_SECONDS

    def _note_unreadable(self, reason: str) -> None:
        if self._shown.live is None:
            self._reason = reason
        else:
            log.warning("release %s stays live: %s", self._shown.live.release, reason)

    def _start_loading(self) -> None:
        """Start the loader thread if there is a new pointer to load. The caller must hold the lock."""
        wanted = self._wanted
        if self._loading or wanted is None or wanted.version == self._settled or self._clock() < self._next_try:
            return
        self._loading = True
        self._reason = f"release {wanted.pointer.release} is loading"
        threading.Thread(target=self._load_wanted, name="release-loader", daemon=True).start()

    def _load_wanted(self) -> None:
        """The loader thread: load until the release of the latest pointer is live or has failed to load."""
        wanted = self._wanted
        while wanted is not None:
            wanted = self._finish(wanted, self._try_to_load(wanted))

    def _try_to_load(self, wanted: LivePointer) -> Live | Exception:
        try:
            return load_live(self._store, self._settings, wanted.pointer, self._shown.loaded)
        except Exception as exc:  # requests wait for this thread, so they must learn of any error
            self._observer.failed_to_load(wanted.pointer.release, exc)
            return exc

    def _finish(self, wanted: LivePointer, loaded: Live | Exception) -> LivePointer | None:
        """Handle the outcome of a load. Returns the pointer to load next, or None to end the loader thread."""
        with self._changed:
            if self._wanted == wanted:
                self._settle(wanted, loaded)
        self._shown.hide_blocked()  # before requests that wait for the load go on
        with self._changed:
            moved = self._wanted if self._wanted != wanted else None
            self._loading = moved is not None
            self._changed.notify_all()
            return moved

    def _settle(self, wanted: LivePointer, loaded: Live | Exception) -> None:
        if isinstance(loaded, Live):
            self._shown.loaded, self._settled = loaded, wanted.version
            self._observer.loaded(loaded.release)
        elif isinstance(loaded, ReleaseError) and not isinstance(loaded, DamagedFileError | OverdueError):
            # The bytes are those that were promoted, but they are no release: no retry before the pointer changes.
            self._settled = wanted.version
            self._reason = f"release {wanted.pointer.release} does not load: {loaded}"
        else:
            # A run may be overdue because the machine was busy, or because a Lambda was frozen meanwhile.
            why = f"{loaded}"
            if isinstance(loaded, StoreError | OSError):
                why = "its files cannot be read; the log says why"
            elif isinstance(loaded, OverdueError):
                why = "a forward pass takes too long; the log says why"
            self._reason = f"release {wanted.pointer.release} is not loaded yet: {why}; it is tried again"
            self._failed = True
            self._next_try = self._clock() + self._backoff
            self._backoff = min(2 * self._backoff, LAST_RETRY_SECONDS)
