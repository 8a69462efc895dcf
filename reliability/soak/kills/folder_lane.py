"""Kills of `scripts/publish` into a folder."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.inputs.bench_release import ROOT
from benchmarks.processes.server import ours
from lambda_app.store.folder import FolderStore
from reliability.soak.faults.place import Service
from reliability.soak.kills.inspection import Inspector, Kill
from reliability.soak.kills.lane import Archive, archives, spread
from reliability.soak.kills.stepper import CHILD
from reliability.soak.kills.victim import Victim, make_old, scratch_left

RELOAD = {"LOOKALIKE_RELOAD_SECONDS": "0.2"}
# The kills are spread over so much of a trial: less than it takes on any machine, since it imports large packages.
_TRIAL_SECONDS = 0.3
_PUBLISH = "scripts/publish.py"


class FolderLane:
    """Publishes into one folder store, again and again."""

    def __init__(self, folder: Path) -> None:
        """Use a folder for the store and all else; nothing is written yet."""
        self.folder = folder
        self.root = folder / "store"
        self._tmp = folder / "tmp"
        self._tmp.mkdir(parents=True)
        self._archives = archives(folder / "releases")

    def kills(self, count: int) -> Iterator[Kill]:
        """Kill `count` promotions, spread over all steps."""
        first = next(self._archives)
        self._publish(first, create=True).wait()
        live, steps = next(self._archives), self.folder / "steps"
        self._without_photos()
        self._stepped(live, ("none", 0), 0.0, steps).wait()
        names = steps.read_text().split("\n")[:-1]
        with ours(str(self.root), **RELOAD) as server:
            inspector = Inspector(FolderStore(self.root), Service(server.wait().port))
            inspector.answers(live.manifest.release)
            for number, place in enumerate(spread(names, count)):
                following = next(self._archives)
                self._without_photos()
                delay = (number + 1) / count * _TRIAL_SECONDS
                fatal = (names[place], names[:place].count(names[place]))
                victim = self._stepped(following, fatal, delay, self.folder / "log")
                killed = victim.wait() < 0
                step = f"during the {CHILD}" if names[place] == CHILD else f"before {names[place]}"
                allowed = {live.manifest.release, following.manifest.release}
                yield inspector.inspect(
                    step, killed, allowed, partial(self._repeat, following), following.manifest.release
                )
                live = following

    def _repeat(self, archive: Archive) -> int:
        for place in (self._tmp, self.root):
            make_old(place)
        self._publish(archive).wait()
        return scratch_left(self._tmp) + scratch_left(self.root)

    def _publish(self, archive: Archive, *, create: bool = False) -> Victim:
        return Victim(
            [_PUBLISH, *self._arguments(archive), *(["--create"] if create else [])], self._environ(), self._output()
        )

    def _stepped(self, archive: Archive, fatal: tuple[str, int], delay: float, log: Path) -> Victim:
        command = ["-m", "reliability.soak.kills.stepper", *map(str, (*fatal, delay, log, self.root)), _PUBLISH]
        return Victim([*command, *self._arguments(archive)], self._environ(), self._output())

    def _arguments(self, archive: Archive) -> list[str]:
        return [str(archive.path), "--store", str(self.root), "--photos", str(archive.photos)]

    def _environ(self) -> dict[str, str]:
        return {"PYTHONPATH": str(ROOT), "TMPDIR": str(self._tmp), "LOOKALIKE_THREADS": "1"}

    def _output(self) -> Path:
        return self.folder / "output"

    def _without_photos(self) -> None:
        """The next promotion copies the photos again."""
        shutil.rmtree(self.root / "datasets", ignore_errors=True)
