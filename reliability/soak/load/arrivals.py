"""A client process: as many requests as some clients can make, or requests that arrive at a rate whatever happens.

`python -m reliability.soak.load.arrivals` reads a JSON `Plan` from standard input and writes the answers as JSON to
standard output. It is a process of its own, so that it does not share the interpreter lock with what it measures.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from reliability.soak.load.connection import Connection, connect, request

PATIENCE_SECONDS = 20.0
NO_ANSWER = 0
BUSY = 503
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Plan:
    """What to send.

    Attributes:
        path, kind, body: of the POST requests: route, Content-Type, file with the body.
        clients: each sends its next request when it has its answer, or 0.05 s after a refusal; 0: requests arrive at
            `rate`.
        rate: requests a second on average, at random moments (a Poisson process).
        probes: paths that are asked for every 0.05 s, each on a connection of its own.
        after: seconds for which one client goes on asking when the load has ended.
    """

    port: int
    path: str
    kind: str
    body: str
    seconds: float
    clients: int = 0
    rate: float = 0.0
    probes: tuple[str, ...] = ()
    after: float = 0.0


@dataclass(frozen=True)
class Sent:
    """A request and what came of it.

    Attributes:
        what: "load", "after", or the path of a probe.
        due: when it was to be sent, in seconds since the start of the load.
        seconds: from then until its whole answer was there.
        status: of the answer; `NO_ANSWER` if there was none.
        retry_after: whether the answer has that header.
    """

    what: str
    due: float
    seconds: float
    status: int
    retry_after: bool


class Load:
    """Runs one plan."""

    def __init__(self, plan: Plan) -> None:
        """Prepare the requests; nothing is sent yet."""
        self._plan = plan
        self._request = request("POST", plan.path, Path(plan.body).read_bytes(), plan.kind)
        self._free: list[Connection] = []
        self._start = 0.0
        self.sent: list[Sent] = []

    async def run(self) -> None:
        """Send everything, and wait for the last answer."""
        self._start = time.perf_counter()
        probes = [asyncio.create_task(self._probe(path)) for path in self._plan.probes]
        if self._plan.clients:
            await asyncio.gather(*(self._client("load", self._plan.seconds) for _ in range(self._plan.clients)))
        else:
            await self._arrive()
        await asyncio.gather(*probes)
        for connection in self._free:
            connection.close()

    async def _arrive(self) -> None:
        tasks = []
        for due in moments(self._plan.rate, self._plan.seconds):
            await asyncio.sleep(max(0.0, due - self._now()))
            tasks.append(asyncio.create_task(self._send("load", due, self._request)))
        await self._client("after", self._plan.seconds + self._plan.after)
        await asyncio.gather(*tasks)

    async def _client(self, what: str, end: float) -> None:
        while (now := self._now()) < end:
            if await self._send(what, now, self._request) in (BUSY, NO_ANSWER):
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _probe(self, path: str) -> None:
        asked = request("GET", path)
        while (now := self._now()) < self._plan.seconds:
            await self._send(path, now, asked)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _send(self, what: str, due: float, asked: bytes) -> int:
        status, retry_after = NO_ANSWER, False
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                connection = self._taken() or await connect(self._plan.port)
                reply = await connection.ask(asked)
            status, retry_after = reply.status, "retry-after" in reply.headers
            self._free.append(connection)
        except (OSError, TimeoutError):
            pass  # counted as no answer; the connection is not used again
        self.sent.append(Sent(what, due, self._now() - due, status, retry_after))
        return status

    def _taken(self) -> Connection | None:
        while self._free:
            connection = self._free.pop()
            if not connection.closed:
                return connection
        return None

    def _now(self) -> float:
        return time.perf_counter() - self._start


def moments(rate: float, seconds: float) -> Iterator[float]:
    """The moments of a Poisson process, always the same ones."""
    source, now = random.Random(0), 0.0
    while (now := now + source.expovariate(rate)) < seconds:
        yield now


def main() -> None:
    """Run the plan that standard input describes."""
    load = Load(Plan(**json.load(sys.stdin)))
    uvloop.run(load.run())
    json.dump([asdict(sent) for sent in load.sent], sys.stdout)


if __name__ == "__main__":
    main()
