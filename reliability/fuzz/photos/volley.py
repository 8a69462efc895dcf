"""Sends hostile photos to a service, one after the other, and counts what comes back."""

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from reliability.fuzz.photos.kinds import HostilePhoto
from reliability.fuzz.service import DROPPED, Reply, Target
from tests.lambda_app.forms import CONTENT_TYPE, form, part

MOST_SECONDS = 2.0
_BATCH = 8  # every eighth photo is sent beside a good one


@dataclass
class Volley:
    """The counts so far.

    Attributes:
        photo: a good photo.
        kept: folder for the files that did harm.
        statuses: how many photos got each status.
        slow: photos over `MOST_SECONDS` of processor time in each of three tries, since other work may slow one.
        slowest: processor time of the slowest photo, in seconds, and its name.
        spoilt: batches in which the good photo got no prediction.
        differing: answers to the good photo alone that were not the first.
        kinds: how many photos were sent of each kind.
        resident: memory of the server at each `check_good`, in bytes.
    """

    target: Target
    photo: bytes
    kept: Path
    statuses: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    slow: int = 0
    slowest: tuple[float, str] = (0.0, "")
    spoilt: int = 0
    differing: int = 0
    resident: list[int] = field(default_factory=list)
    _first: Reply | None = None

    @property
    def sent(self) -> int:
        """How many photos were sent."""
        return self.statuses.total()

    @property
    def failed(self) -> int:
        """How many photos were answered by an error of the server."""
        return sum(count for status, count in self.statuses.items() if status >= 500)

    def send(self, hostile: HostilePhoto) -> list[str]:
        """Send a photo, and keep it if it does harm; the harm in words."""
        reply = self._answer(hostile)
        for _ in range(2):
            if reply.processor > MOST_SECONDS:
                again = self._answer(hostile)
                reply = replace(reply, processor=min(reply.processor, again.processor))
        self.kinds[hostile.name.rpartition("-")[0]] += 1
        self.statuses[reply.status] += 1
        self.slowest = max(self.slowest, (reply.processor, hostile.name))
        harm = []
        if reply.status == DROPPED:
            harm.append("dropped")
        if reply.status >= 500:
            harm.append(f"answered-{reply.status}")
        if reply.processor > MOST_SECONDS:
            self.slow += 1
            harm.append("slow")
        if harm:
            self.keep(hostile, harm)
        return harm

    def keep(self, hostile: HostilePhoto, harm: list[str]) -> None:
        """Write a file that a person can send again: its name says its kind, its number, and what it did."""
        self.kept.mkdir(parents=True, exist_ok=True)
        (self.kept / f"{hostile.name}-{'-'.join(harm)}").write_bytes(hostile.data)

    def check_good(self) -> None:
        """Send the good photo alone; its answer must be the first one. Note the server's memory."""
        reply = self.target.send("POST", "/predict", form(part("file", self.photo)), {"Content-Type": CONTENT_TYPE})
        self._first = self._first or reply
        self.differing += reply.status != 200 or reply.body != self._first.body
        self.resident.append(self.target.resident())

    def _answer(self, hostile: HostilePhoto) -> Reply:
        if self.sent % _BATCH == _BATCH - 1:
            parts = (part("files", data, declared=hostile.declared or None) for data in (hostile.data, self.photo))
            reply = self.target.send("POST", "/predict/batch", form(*parts), {"Content-Type": CONTENT_TYPE})
            self.spoilt += reply.status == 200 and b'{"filename":"photo.jpg","status":200,' not in reply.body
            return reply
        if self.sent % _BATCH == 0:
            declared = hostile.declared if hostile.declared.startswith("image/") else "application/octet-stream"
            return self.target.send("POST", "/predict/similar_images", hostile.data, {"Content-Type": declared})
        body = form(part("file", hostile.data, declared=hostile.declared or None))
        return self.target.send("POST", "/predict", body, {"Content-Type": CONTENT_TYPE})
