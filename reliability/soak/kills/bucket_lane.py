"""Kills of `scripts/publish` into a bucket, which writes a drop."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks.inputs.bench_release import ROOT
from lambda_app.promoter import take_drop
from lambda_app.settings import Settings
from lambda_app.store.bucket import S3Store
from lambda_app.store.contract import DROPS
from reliability.soak.faults.place import BucketPlace
from reliability.soak.faults.proxy import FaultProxy
from reliability.soak.kills.folder_lane import RELOAD
from reliability.soak.kills.inspection import Inspector, Kill
from reliability.soak.kills.lane import Archive, archives, spread
from reliability.soak.kills.requests import Killer
from reliability.soak.kills.victim import Victim, make_old, scratch_left
from tests.lambda_events import BUCKET
from tests.s3_server import S3Server

_PREFIX = "published"
_PHOTOS = "datasets/sample/"


class BucketLane:
    """Publishes into one bucket, again and again."""

    def __init__(self, s3: S3Server, folder: Path) -> None:
        """Use a prefix of the bucket and a folder for all else."""
        self.place = BucketPlace(s3, _PREFIX, folder)
        self.killer = Killer(f"{BUCKET}/{_PREFIX}")
        self.proxy = FaultProxy(s3.url, self.killer)
        self.folder = folder
        self._tmp = folder / "publish-tmp"
        self._tmp.mkdir(parents=True)
        self._archives = archives(folder / "releases")

    def kills(self, count: int) -> Iterator[Kill]:
        """Kill `count` promotions, spread over all requests."""
        live = next(self._archives)
        with closing(self.place), closing(self.proxy):
            self.killer.begin()
            self._publish(live).wait()
            names = self.killer.places()
            self._promote(live)
            with self.place.serving(**RELOAD) as service:
                inspector = Inspector(self.place.store, service)
                inspector.answers(live.manifest.release)
                for place in spread(names, count):
                    following = next(self._archives)
                    killed, whole = self._killed(following, place)
                    found = inspector.inspect(
                        names[place],
                        killed and whole,
                        {live.manifest.release},
                        partial(self._repeat, following),
                        following.manifest.release,
                    )
                    yield found
                    live = following

    def _killed(self, archive: Archive, place: int) -> tuple[bool, bool]:
        """Publish with a kill: whether it died, and whether the drop is whole or absent."""
        for key in list(self.place.store.keys(_PHOTOS)):
            self.place.store.delete(key)
        victims: list[Victim] = []
        self.killer.begin(place, lambda: victims[0].kill())
        victims.append(self._publish(archive))
        killed = victims[0].wait() < 0
        drop = DROPS + archive.path.name
        whole = not self.place.store.exists(drop) or self.place.store.read(drop) == archive.path.read_bytes()
        return killed, whole

    def _repeat(self, archive: Archive) -> int:
        self.killer.begin()
        make_old(self._tmp)
        self._publish(archive).wait()
        self._promote(archive)
        return scratch_left(self._tmp)

    def _publish(self, archive: Archive) -> Victim:
        store = f"s3://{BUCKET}/{_PREFIX}"
        command = ["scripts/publish.py", str(archive.path), "--store", store, "--photos", str(archive.photos)]
        environ = {**self.place.environ(), "AWS_ENDPOINT_URL": self.proxy.url, "TMPDIR": str(self._tmp)}
        return Victim(command, {**environ, "PYTHONPATH": str(ROOT)}, self.folder / "output")

    def _promote(self, archive: Archive) -> None:
        store: S3Store = self.place.store
        take_drop(store, DROPS + archive.path.name, Settings(store=str(store), threads=1))
