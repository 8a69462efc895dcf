"""Clients that ask without a pause while the catalogue changes, and what they got."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.processes.server import CONTENT_TYPE, SIMILAR, form
from reliability.soak.load.connection import Connection, Reply, connect, request
from reliability.soak.load.matching import RELEASE_HEADER

_PAUSE_SECONDS = 0.02


@dataclass
class Asked:
    """The answers of all clients.

    Attributes:
        prices: how often a release answered with a price of the item that every release changes.
        times: moment of the answer and seconds that it took, for each answer to a photo.
        nearest: ids of the items in the last answer to a photo, best first.
        hidden: an item that must not be in any answer from now on; `shown`: how many have it nevertheless.
    """

    prices: Counter[tuple[str, float | None]] = field(default_factory=Counter)
    times: list[tuple[float, float]] = field(default_factory=list)
    count: int = 0
    failed: list[str] = field(default_factory=list)
    nearest: list[str] = field(default_factory=list)
    hidden: str = ""
    shown: int = 0

    def judge(self, path: str, reply: Reply) -> None:
        """Count an answer, and note what is wrong with it."""
        self.count += 1
        if reply.status != 200:
            self.failed.append(f"{path}: {reply.status} {reply.body[:200]!r}")
            return
        release, body = reply.headers.get(RELEASE_HEADER, ""), json.loads(reply.body)
        if "results" in body:
            self.nearest = [found["image_id"] for found in body["results"]]
            self.shown += self.hidden in self.nearest
        else:
            self.prices[release, body["price"]] += 1

    def mixed(self, prices: Mapping[str, float | None]) -> list[str]:
        """Answers of a release that was never made, or with a price of another one, in words.

        Args:
            prices: of the item, by release.
        """
        return [
            f"{n} answers of {release} have the price {price}; it is {prices.get(release, 'of no release')}"
            for (release, price), n in self.prices.items()
            if release not in prices or price != prices[release]
        ]

    def p99(self, windows: Sequence["Window"]) -> float:
        """Milliseconds, of the photos that were answered within these windows."""
        return 1000 * float(np.percentile(self._within(windows), 99))

    def photos(self, windows: Sequence["Window"]) -> int:
        """The number of photos that were answered within these windows."""
        return len(self._within(windows))

    def processor_ms(self, windows: Sequence["Window"]) -> float:
        """Milliseconds that the server computed within these windows, for each photo."""
        computed = sum(window.end.processor - window.begin.processor for window in windows)
        return 1000 * computed / max(1, self.photos(windows))

    def _within(self, windows: Sequence["Window"]) -> list[float]:
        return [
            taken
            for moment, taken in self.times
            if any(window.begin.clock <= moment < window.end.clock for window in windows)
        ]


@dataclass(frozen=True)
class Moment:
    """A moment on the clock of `time.perf_counter`, and the seconds that the server had computed by then."""

    clock: float
    processor: float


@dataclass(frozen=True)
class Window:
    """The time between two moments."""

    begin: Moment
    end: Moment


async def ask(port: int, photo: bytes, item: str, asked: Asked) -> None:
    """A client: sends a photo and asks for an item, one after the other, until it is cancelled."""
    paths = {
        SIMILAR: request("POST", SIMILAR, form(photo), CONTENT_TYPE),
        f"/items/{item}": request("GET", f"/items/{item}"),
    }
    connection = await connect(port)
    try:
        while True:
            for path, wanted in paths.items():
                begin = time.perf_counter()
                try:
                    if connection.closed:
                        connection = await connect(port)
                    reply = await connection.ask(wanted)
                except OSError as exc:
                    asked.failed.append(f"{path}: {exc!r}")
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                end = time.perf_counter()
                if path == SIMILAR:
                    asked.times.append((end, end - begin))
                asked.judge(path, reply)
    finally:
        connection.close()


async def wait_for(port: int, path: str, wanted: "Wanted", seconds: float) -> float | None:
    """Seconds until an answer is as wanted; None: not within `seconds`."""
    begin = time.perf_counter()
    connection: Connection = await connect(port)
    try:
        while (passed := time.perf_counter() - begin) < seconds:
            if wanted.fits(await connection.ask(request("GET", path))):
                return passed
            await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        connection.close()
    return None


@dataclass(frozen=True)
class Wanted:
    """An answer that is waited for: its status, and the release that gives it; empty: any."""

    status: int
    release: str = ""

    def fits(self, reply: Reply) -> bool:
        """Whether this is it."""
        return reply.status == self.status and self.release in ("", reply.headers.get(RELEASE_HEADER))
