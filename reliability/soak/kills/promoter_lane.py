"""Kills of the promoter Lambda's process."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from lambda_app.store.contract import DROPS
from reliability.soak.faults.place import BucketPlace
from reliability.soak.faults.proxy import FaultProxy
from reliability.soak.kills.folder_lane import RELOAD
from reliability.soak.kills.inspection import Inspector, Kill
from reliability.soak.kills.lane import Archive, archives, spread
from reliability.soak.kills.requests import Killer
from reliability.soak.kills.victim import END_SECONDS, Victim, make_old, scratch_left
from tests.e2e.runtime_api import Invocation, RuntimeApi
from tests.lambda_events import BUCKET, object_created
from tests.s3_server import S3Server

_PREFIX = "dropped"
_TRIAL = "during the trial"
_TRIAL_PLACES = 4  # a trial counts as so many places
_TRIAL_SECONDS = 0.3  # as for a folder
_PAUSE_SECONDS = 0.005


class PromoterLane:
    """Drops archives, one after the other, for one promoter process at a time."""

    def __init__(self, s3: S3Server, folder: Path) -> None:
        """Use a prefix of the bucket and a folder for all else."""
        self.place = BucketPlace(s3, _PREFIX, folder)
        self.killer = Killer(f"{BUCKET}/{_PREFIX}")
        self.proxy = FaultProxy(s3.url, self.killer)
        self.folder = folder
        self._tmp = folder / "function-tmp"
        self._tmp.mkdir(parents=True)
        self._archives = archives(folder / "releases")
        self._function: _Function | None = None

    def kills(self, count: int) -> Iterator[Kill]:
        """Kill `count` promotions, spread over all requests and the trial."""
        live = next(self._archives)
        with closing(self.place), closing(self.proxy):
            try:
                self._promote(next(self._archives))  # the first one has no live release to compare with
                self.killer.begin()
                live = next(self._archives)
                self._promote(live)
                names = [*self.killer.places(), *[_TRIAL] * _TRIAL_PLACES]
                with self.place.serving(**RELOAD) as service:
                    inspector = Inspector(self.place.store, service)
                    inspector.answers(live.manifest.release)
                    for number, place in enumerate(spread(names, count)):
                        following = next(self._archives)
                        killed = self._killed(following, names, place, (number + 1) / count)
                        allowed = {live.manifest.release, following.manifest.release}
                        yield inspector.inspect(
                            names[place],
                            killed,
                            allowed,
                            partial(self._repeat, following),
                            following.manifest.release,
                        )
                        live = following
            finally:
                self._running().close()

    def _killed(self, archive: Archive, names: list[str], place: int, share: float) -> bool:
        """Drop an archive, and kill the process that promotes it: whether it died before its answer."""
        function = self._running()
        in_trial = names[place] == _TRIAL
        self.place.store.upload(DROPS + archive.path.name, archive.path)
        self.killer.begin(None if in_trial else place, function.victim.kill)
        invocation = function.submit(self._event(archive))
        if in_trial:
            function.kill_in_trial(invocation, share * _TRIAL_SECONDS)
        function.wait(invocation)
        killed = function.victim.ended() and not invocation.done.is_set()
        function.close()
        self._function = None
        return killed

    def _repeat(self, archive: Archive) -> int:
        """Lambda sends the event again, to a new process with the old one's temporary folder."""
        make_old(self._tmp)
        self.killer.begin()
        self._promote(archive)
        return scratch_left(self._tmp)

    def _promote(self, archive: Archive) -> None:
        self.place.store.upload(DROPS + archive.path.name, archive.path)
        function = self._running()
        function.wait(function.submit(self._event(archive)))

    def _event(self, archive: Archive) -> dict[str, Any]:
        return object_created(f"{_PREFIX}/{DROPS}{archive.path.name}")

    def _running(self) -> "_Function":
        if self._function is None or self._function.victim.ended():
            environ = {**self.place.environ(), "AWS_ENDPOINT_URL": self.proxy.url, "TMPDIR": str(self._tmp)}
            self._function = _Function(environ, self.folder / "output")
        return self._function


class _Function:
    """A promoter process and its runtime API."""

    def __init__(self, environ: dict[str, str], output: Path) -> None:
        self._api = RuntimeApi()
        variables = {
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "lookalike-promoter",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3008",
        }
        self.victim = Victim(["-m", "awslambdaric", "lambda_app.promoter.handler"], {**environ, **variables}, output)

    def submit(self, event: dict[str, Any]) -> Invocation:
        """Send an event, without waiting."""
        return self._api.submit(event)

    def wait(self, invocation: Invocation) -> None:
        """Wait until the event is answered or the process is dead."""
        deadline = time.monotonic() + END_SECONDS
        while not invocation.done.wait(_PAUSE_SECONDS) and not self.victim.ended():
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer within {END_SECONDS:g} s: {self.victim.written()}")

    def kill_in_trial(self, invocation: Invocation, delay: float) -> None:
        """Kill the process and its child some seconds after the child started."""

        def watch() -> None:
            while not self.victim.has_child():
                if invocation.done.wait(_PAUSE_SECONDS) or self.victim.ended():
                    return
            time.sleep(delay)
            if self.victim.has_child():
                self.victim.kill()

        threading.Thread(target=watch, daemon=True).start()

    def close(self) -> None:
        """End the process."""
        self.victim.kill()
        self._api.close()
