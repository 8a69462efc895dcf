"""Which photo is downloaded next: few at once from each host, with pauses that hosts ask for and back-off."""

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from fetch.failure import FetchFailedError

# A host that does not serve gets a pause, which is doubled each time. After so many of them, its other photos fail.
MOST_PAUSES = 10
LONGEST_PAUSE = 60.0
# The longest pause that a host may ask for (`Retry-After`).
LONGEST_ASKED_PAUSE = 300.0


@dataclass(eq=False)
class Host:
    """A host and the photos that are to be downloaded from it.

    Attributes:
        running: photos that are being downloaded.
        not_before: time of `time.monotonic` until which nothing is asked.
        pauses: how often in a row it did not serve; requests that ran at the same time count once.
        listed: whether it is among the hosts from which the next photo is taken.
    """

    name: str
    waiting: "deque[Job]" = field(default_factory=deque)
    running: int = 0
    not_before: float = 0.0
    pauses: int = 0
    listed: bool = False

    @property
    def down(self) -> bool:
        """Whether it is not asked any more."""
        return self.pauses >= MOST_PAUSES


@dataclass(eq=False)
class Job:
    """A photo to download.

    Attributes:
        stem: name of its file without ending.
        attempts: so far.
        last: why the last one failed.
    """

    url: str
    stem: str
    host: Host
    attempts: int = 0
    last: FetchFailedError | None = None


class Schedule:
    """Hands out jobs to several threads. Every job is handed out until it is `finished`. Thread-safe."""

    def __init__(self, jobs: Iterable[tuple[str, str, str]], per_host: int, backoff: float) -> None:
        """Create it.

        Args:
            jobs: URL, file name without ending, and host of each photo.
            per_host: photos of one host that are handed out at once.
            backoff: seconds before a second attempt; doubled for each further one.
        """
        self._per_host = per_host
        self._backoff = backoff
        self._changed = threading.Condition()
        self._stopped = False
        self._hurried = False
        self._numbers = itertools.count()
        self._left = 0
        hosts: dict[str, Host] = {}
        for url, stem, name in jobs:
            host = hosts.setdefault(name, Host(name))
            host.waiting.append(Job(url, stem, host))
            self._left += 1
        self._ready: deque[Host] = deque()
        # What waits for a time: a job before its next attempt, a host that asked for a pause.
        self._timers: list[tuple[float, int, Job | Host]] = []
        for host in hosts.values():
            self._list(host)

    def next(self) -> Job | None:
        """Wait for a job that may start. None when all are finished, or after `stop`."""
        with self._changed:
            while self._left and not self._stopped:
                now = time.monotonic()
                self._wake(now)
                if self._ready:
                    host = self._ready.popleft()
                    host.listed = False
                    if not self._may_start(host, now):  # its pause began after it was listed; a timer lists it again
                        continue
                    job = host.waiting.popleft()
                    host.running += 1
                    self._list(host)
                    return job
                self._changed.wait(self._timers[0][0] - now if self._timers else None)
            return None

    def finished(self, job: Job) -> None:
        """Count a job as done."""
        with self._changed:
            job.host.running -= 1
            self._left -= 1
            self._list(job.host)
            self._changed.notify_all()

    def retry(self, job: Job, *, at_once: bool = False) -> None:
        """Hand a job out again: after its back-off, or as soon as its host has no pause."""
        with self._changed:
            job.host.running -= 1
            seconds = 0.0 if at_once or self._hurried else self._backoff * 2 ** (job.attempts - 1)
            heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), job))
            self._list(job.host)
            self._changed.notify_all()

    def served(self, host: Host) -> None:
        """Note that a host answered."""
        with self._changed:
            host.pauses = 0

    def unserved(self, host: Host, asked: float | None) -> None:
        """Note that a host did not answer, or was too busy, and hand out none of its jobs for a while.

        Args:
            asked: seconds for which the host wants no request; None: the pause doubles each time.
        """
        with self._changed:
            now = time.monotonic()
            if asked is None and host.not_before > now:
                return  # this request ran when the pause began
            if host.not_before <= now:
                host.pauses += 1
            doubled = min(self._backoff * 2 ** (host.pauses - 1), LONGEST_PAUSE)
            pause = doubled if asked is None else min(asked, LONGEST_ASKED_PAUSE)
            host.not_before = max(host.not_before, now + pause)
            heapq.heappush(self._timers, (host.not_before, next(self._numbers), host))
            self._changed.notify_all()

    def hurry(self) -> None:
        """End all pauses, also later ones: the time of the run is over, and each job is to be handed out once more."""
        with self._changed:
            self._hurried = True
            self._wake(float("inf"))
            self._changed.notify_all()

    def stop(self) -> None:
        """Hand out nothing any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _wake(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            _, _, waiting = heapq.heappop(self._timers)
            if isinstance(waiting, Job):
                waiting.host.waiting.appendleft(waiting)
            self._list(waiting.host if isinstance(waiting, Job) else waiting)

    def _list(self, host: Host) -> None:
        """Add a host to those from which the next photo is taken, if it may give one now."""
        may = host.waiting and host.running < self._per_host and self._may_start(host, time.monotonic())
        if may and not host.listed:
            host.listed = True
            self._ready.append(host)

    def _may_start(self, host: Host, now: float) -> bool:
        return self._hurried or host.not_before <= now
