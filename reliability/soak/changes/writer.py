"""The processes that write and apply changes. They are killed at any moment, and go on where they ended.

A writer drops its changes as a file, as another system does on AWS, or runs `scripts/catalogue`. It notes a batch as
done when its changes are in the log, and repeats what it has not noted. So each drop is delivered at least once.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lambda_app.catalogue.changes import write_change
from lambda_app.catalogue.dropped import append_drop
from lambda_app.errors import StoreError
from lambda_app.promotion.ingest import apply_changes
from lambda_app.promotion.scratch import keep_only_live, scratch_folder
from lambda_app.promotion.succession import utc_now
from lambda_app.settings import Settings
from lambda_app.store.contract import DROPS, Store
from lambda_app.store.opening import existing_store
from operate.catalogue.command import REJECTED
from operate.catalogue.command import main as catalogue
from reliability.soak.changes.plan import Step, steps
from tests.releases import encode

_OCCASION = "1"


@dataclass(frozen=True)
class Lane:
    """One process that is started again after each kill.

    Attributes:
        store: address of the store.
        folder: for its notes and its temporary files.
        number: of the writer.
        changes: how many batches it writes.
        drops: whether it drops files; else it runs `scripts/catalogue`.
    """

    store: str
    folder: Path
    number: int = 0
    changes: int = 0
    drops: bool = False

    @property
    def temporary(self) -> Path:
        """The folder for temporary files."""
        return self.folder / f"tmp-{self.number}"

    @property
    def notes(self) -> Path:
        """The file with a line for each batch that is in the log."""
        return self.folder / f"done-{self.number}"

    def done(self) -> int:
        """How many batches are noted."""
        return len(self.notes.read_bytes()) if self.notes.exists() else 0


def write(lane: Lane) -> None:
    """Write the batches that are not noted yet."""
    with _opened(lane) as store:
        for number, step in list(enumerate(steps(lane.number, lane.changes)))[lane.done() :]:
            for key, seed in step.photos.items():
                store.write(key, b"no photo" if seed is None else drawn(seed))
            if lane.drops:
                _drop(store, lane, number, step)
            else:
                _command(lane, step)
            with lane.notes.open("ab") as notes:
                notes.write(b".")


def apply(lane: Lane) -> None:
    """Apply the log again and again, as the promoter does at each event, until the process is killed."""
    with _opened(lane) as store:
        while True:
            _apply(store, lane)


def tidy(lane: Lane) -> None:
    """Do what the promoter does with each event: sweep what processes left that were killed more than an hour ago."""
    with _opened(lane) as store, scratch_folder("changes"):
        keep_only_live(store)


def drawn(seed: int) -> bytes:
    """A photo of random blocks."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return encode(Image.fromarray(blocks).resize((64, 64), Image.Resampling.NEAREST))


def _drop(store: Store, lane: Lane, number: int, step: Step) -> None:
    key = f"{DROPS}writer-{lane.number}-{number}.jsonl"
    store.write(key, "\n".join(map(write_change, step.changes)).encode())
    while True:
        try:
            append_drop(store, key, utc_now(), _OCCASION)
            break
        except StoreError:  # as for an event: the same drop is delivered again
            continue
    _apply(store, lane)


def _command(lane: Lane, step: Step) -> None:
    path = lane.folder / f"changes-{lane.number}.jsonl"
    path.write_text("\n".join(map(write_change, step.changes)))
    while catalogue(["--store", lane.store, "apply", str(path)], {}) not in (0, REJECTED):
        pass  # as a person repeats a command that failed


def _apply(store: Store, lane: Lane) -> None:
    """Apply the log once. A fault is left to the next event."""
    try:
        apply_changes(store, Settings(store=lane.store, threads=1))
    except StoreError:
        return


@contextmanager
def _opened(lane: Lane) -> Iterator[Store]:
    lane.temporary.mkdir(exist_ok=True)
    tempfile.tempdir = str(lane.temporary)
    with (lane.folder / f"output-{lane.number}").open("a") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        yield existing_store(lane.store)
