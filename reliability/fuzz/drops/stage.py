"""A store in an S3 bucket, its promoter, and a server on it: three processes that a drop could harm."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes.server import ours, peak_bytes
from lambda_app.errors import MissingObjectError
from lambda_app.promotion.drop_names import rejection_key
from lambda_app.store.bucket import S3Store
from reliability.fuzz.service import Target
from tests.e2e.lambda_process import FunctionError, LambdaProcess
from tests.lambda_app.forms import CONTENT_TYPE, form, part
from tests.lambda_events import BUCKET, object_created
from tests.releases import build_release, publish_directly
from tests.s3_server import S3Server

PREFIX = "shop"
State = dict[str, Any]
_PROMOTER = "lambda_app.promoter.handler"
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "us-east-1"}


@dataclass(frozen=True)
class Taken:
    """What the promoter made of a drop.

    Attributes:
        outcome: as `lambda_app.promoter.handler` returns it; "raised" if it raised, "none" if it gave no answer.
        note: the reason in the note under rejected/, or None without a note.
        seconds: wall time.
    """

    outcome: str
    detail: str
    note: str | None
    seconds: float


@dataclass(frozen=True)
class Stage:
    """The processes and the state that no refused drop may change.

    Attributes:
        base: folder of the sound release that is live.
    """

    base: Path
    store: S3Store
    promoter: LambdaProcess
    target: Target
    photo: bytes

    def take(self, key: str, archive: Path | None = None) -> Taken:
        """Put an archive under a key, if there is one, and send the promoter the event."""
        if archive is not None:
            self.store.upload(key, archive)
        begun = time.perf_counter()
        try:
            _, answer = self.promoter.invoke(object_created(f"{PREFIX}/{key}"))
            outcome, detail = answer["outcome"], answer["detail"]
        except FunctionError as exc:
            outcome, detail = "raised", str(exc)
        except TimeoutError as exc:
            outcome, detail = "none", str(exc)
        return Taken(outcome, detail, self._note(key), time.perf_counter() - begun)

    def state(self) -> State:
        """The pointer, the keys of objects and releases, and what the server answers to a photo."""
        reply = self.target.send(
            "POST", "/predict?k=10", form(part("file", self.photo)), {"Content-Type": CONTENT_TYPE}
        )
        answer = json.loads(reply.body)
        # Without `results`: they hold URLs that are signed anew each time.
        shown = {name: answer.get(name) for name in ("category", "embedding", "similar_index", "image_labels")}
        kept = [*self.store.keys("objects/"), *self.store.keys("releases/")]
        return {"status": reply.status, "answer": shown, "pointer": self.store.read("live.json"), "kept": kept}

    def scratch(self) -> list[str]:
        """What drops left in the promoter's temporary folder, where its cache of release files may stand too."""
        return [path.name for path in self.promoter.temporary.iterdir() if path.name != "lookalike-cache"]

    def peak(self) -> int:
        """Peak resident memory of the promoter, in bytes."""
        return peak_bytes(self.promoter.pid)

    def _note(self, key: str) -> str | None:
        try:
            return str(json.loads(self.store.read(rejection_key(key)))["reason"])
        except MissingObjectError:
            return None


@contextmanager
def stage() -> Iterator[Stage]:
    """Start everything; end it with the block."""
    with ExitStack() as open_until_end:
        folder = Path(open_until_end.enter_context(tempfile.TemporaryDirectory(prefix="lookalike-fuzz-")))
        s3 = open_until_end.enter_context(closing(S3Server()))
        store = s3.store(PREFIX, folder / "operator")
        manifest = build_release(folder / "base")
        publish_directly(store, folder / "base", manifest)
        settings = {"AWS_ENDPOINT_URL": s3.url, **_CREDENTIALS}
        address = f"s3://{BUCKET}/{PREFIX}"
        promoter = LambdaProcess(
            # A drop may loop for ever: the time of a forward pass bounds it.
            _PROMOTER,
            folder / "promoter",
            {**settings, "LOOKALIKE_STORE": address, "LOOKALIKE_FORWARD_SECONDS": "1"},
        )
        open_until_end.enter_context(closing(promoter))
        (folder / "server").mkdir()
        server = open_until_end.enter_context(
            ours(address, **settings, TMPDIR=str(folder / "server"), LOOKALIKE_RELOAD_SECONDS="0").wait()
        )
        target = Target(server.port, server.pid)
        open_until_end.enter_context(closing(target))
        photo = (folder / "base" / "photos" / "003a.jpg").read_bytes()
        yield Stage(folder / "base", store, promoter, target, photo)
