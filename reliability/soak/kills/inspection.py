"""What must hold for a store and a running service after a promotion was killed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from lambda_app.errors import LookalikeError
from lambda_app.promotion.stored import stored_manifest
from lambda_app.store.contract import OBJECTS, Store
from reliability.soak.faults.place import Service

_SWAP_SECONDS = 20.0
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Kill:
    """What was found after one kill, and after the same promotion was repeated.

    Attributes:
        step: where it was killed.
        killed: whether the process died before its end.
        broken_pointer: whether the pointer could not be read, or named another release than the old and the new one.
        not_loaded: whether the running service did not come to answer with the release of the pointer.
        failed_answers: answers of the service other than 200.
        half_written: objects whose bytes are not those of their name.
        repeat_failed: whether the repeat did not make the release live.
        scratch: unfinished work of the killed process that is left after the repeat.
    """

    step: str
    killed: bool
    broken_pointer: bool
    not_loaded: bool
    failed_answers: int
    half_written: int
    repeat_failed: bool
    scratch: int


@dataclass
class Inspector:
    """Inspects one store and the service that serves it."""

    store: Store
    service: Service
    _sound: set[str] = field(default_factory=set)

    def inspect(self, step: str, killed: bool, allowed: set[str], repeat: Callable[[], int], new: str) -> Kill:
        """Look at everything after a kill, then repeat the promotion.

        Args:
            step: where it was killed.
            killed: whether the process died before its end.
            allowed: the releases that may be live now.
            repeat: promotes again to the end; returns what scratch is left.
            new: the release that must be live then.
        """
        live = self.live()
        loaded, failed = self.answers(live or "")
        half = self.half_written()
        scratch = repeat()
        again, failed_again = self.answers(new)
        return Kill(
            step,
            killed,
            live not in allowed,
            not loaded,
            failed + failed_again,
            half,
            self.live() != new or not again,
            scratch,
        )

    def live(self) -> str | None:
        """The release of the pointer; None if the pointer, or the manifest that it names, is not sound."""
        try:
            found = self.store.read_pointer()
            release = found.pointer.release if found is not None else ""
            return stored_manifest(self.store, release).release
        except LookalikeError:
            return None

    def answers(self, release: str) -> tuple[bool, int]:
        """Whether the service comes to answer with a release; and its answers other than 200 until then."""
        failed = 0
        deadline = time.monotonic() + _SWAP_SECONDS
        while time.monotonic() < deadline:
            answer = self.service.get("/items/003a/similar")
            failed += answer.status != 200
            if answer.release == release:
                return True, failed
            time.sleep(_PAUSE_SECONDS)
        return False, failed

    def half_written(self) -> int:
        """Objects whose bytes are not those of their name. What was found sound is not read again."""
        found = set(self.store.keys(OBJECTS)) - self._sound
        damaged = {key for key in found if sha256(self.store.read(key)).hexdigest() != key.removeprefix(OBJECTS)}
        self._sound |= found - damaged
        return len(damaged)
