"""Applies changes that came over HTTP to a folder store, behind the requests. In a bucket, the promoter does."""

import logging
import threading
from collections.abc import Callable

from lambda_app.errors import LookalikeError

log = logging.getLogger(__name__)


class Applier:
    """One thread at most, which runs while there is something to apply."""

    def __init__(self, apply: Callable[[], object]) -> None:
        """Apply by this function, which takes all that the log has."""
        self._apply = apply
        self._lock = threading.Lock()
        self._asked = False
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Apply what the log has now. Returns at once."""
        with self._lock:
            self._asked = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="changes", daemon=True)
                self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait until all is applied, at most so long."""
        if (thread := self._thread) is not None:
            thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._asked:
                    self._thread = None
                    return
                self._asked = False
            try:
                self._apply()
            except LookalikeError as exc:
                # The changes are in the log: the next change, or scripts/catalogue, applies them too.
                log.error("changes of the catalogue were not applied: %s", exc)
            except Exception:  # the thread must stay usable
                log.exception("changes of the catalogue were not applied")
