"""Faults while a service answers: no request may fail or wait, and the next release goes live after the fault."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reliability.soak.faults.kinds import Fault
from reliability.soak.faults.place import Answer, BucketPlace, BuiltRelease, Service

RELOAD_SECONDS = 0.5
NO_FAULT = "no fault"
_PAUSE_SECONDS = 0.01
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Outcome:
    """One case.

    Attributes:
        requests, failed: how many were sent; how many were not answered as they should.
        slowest: seconds that the slowest answer took.
        recovery: seconds from the end of the fault until the release answered.
    """

    fault: str
    requests: int
    failed: int
    slowest: float
    recovery: float


class Traffic:
    """Sends requests of all kinds one after the other, in a thread, until `stop`."""

    def __init__(self, service: Service, photo: bytes) -> None:
        """Start the thread."""
        self.answers: list[Answer] = []
        self._stopped = threading.Event()
        asks = (
            lambda: service.post(photo),
            lambda: service.get("/items/003a/similar"),
            lambda: service.get("/readyz"),
            lambda: service.get("/release"),
        )
        self._thread = threading.Thread(target=self._run, args=(asks,), daemon=True)
        self._thread.start()

    def wait_for(self, release: str) -> float:
        """Seconds until an answer names a release; infinite if none does within a minute."""
        begun = time.monotonic()
        while time.monotonic() - begun < _PATIENCE_SECONDS:
            if self.answers and self.answers[-1].release == release:
                return time.monotonic() - begun
            time.sleep(_PAUSE_SECONDS)
        return float("inf")

    def stop(self) -> list[Answer]:
        """End the thread; all answers."""
        self._stopped.set()
        self._thread.join()
        return self.answers

    def _run(self, asks: Sequence[Callable[[], Answer]]) -> None:
        turn = 0
        while not self._stopped.wait(_PAUSE_SECONDS):
            self.answers.append(asks[turn % len(asks)]())
            turn += 1


def failures(answers: Sequence[Answer], releases: set[str]) -> int:
    """How many answers are no success of one of these releases."""
    return sum(answer.status != 200 or answer.release not in releases for answer in answers)


def case(
    place: BucketPlace,
    service: Service,
    fault: Fault | None,
    live: BuiltRelease,
    following: BuiltRelease,
    seconds: float,
) -> Outcome:
    """One fault, while `live` answers and `following` is to go live; without a fault, `following` goes live at once."""
    traffic = Traffic(service, live.photo)
    try:
        with (fault or Fault(NO_FAULT)).acting(place, following.content()):
            time.sleep(seconds)
        recovery = traffic.wait_for(following.manifest.release)
    finally:
        answers = traffic.stop()
    wrong = failures(answers, {live.manifest.release, following.manifest.release})
    return Outcome(
        fault.name if fault else NO_FAULT, len(answers), wrong, max(answer.seconds for answer in answers), recovery
    )
