"""A process that applies dropped changes as the promoter does, and measures itself.

    python -m benchmarks.processes.ingester

reads the key of a drop from each line of standard input, in the store of the environment, and prints its figures as one
line of JSON.
"""

import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from lambda_app.catalogue import embedding
from lambda_app.catalogue.dropped import append_drop
from lambda_app.model.session import Model, ModelOutput
from lambda_app.promotion import ingest
from lambda_app.promotion.scratch import keep_only_live
from lambda_app.promotion.succession import utc_now
from lambda_app.settings import Settings
from lambda_app.store.opening import open_store


@dataclass
class Applied:
    """What one drop took.

    Attributes:
        release: the release that is live then.
        applied, rejected: number of changes.
        seconds: from the order to the end.
        embedding: seconds of them that reading, decoding and embedding photos took.
        photos: photos that went through the network.
        processor: seconds of all threads.
    """

    release: str = ""
    applied: int = 0
    rejected: int = 0
    seconds: float = 0.0
    embedding: float = 0.0
    photos: int = 0
    processor: float = 0.0


class Watched:
    """Counts what the network does while a drop is applied."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.counts = Applied()
        self._run = Model.run

    def run(self, model: Model, images: npt.NDArray[np.float32]) -> ModelOutput:
        """`Model.run`, counted."""
        self.counts.photos += len(images)
        return self._run(model, images)

    def embedded(self, keys: Sequence[str], *rest: Any) -> Iterator[embedding.Embedded | str]:
        """`embedded`, timed."""
        begin = time.perf_counter()
        yield from embedding.embedded(keys, *rest)
        self.counts.embedding += time.perf_counter() - begin


def main() -> None:
    """Apply drops until standard input ends."""
    logging.basicConfig(level=logging.WARNING)
    settings = Settings.from_environ()
    store, watched = open_store(settings.store), Watched()

    def run(model: Model, images: npt.NDArray[np.float32]) -> ModelOutput:
        return watched.run(model, images)

    with patch.object(ingest, "embedded", watched.embedded), patch.object(Model, "run", run):
        for line in sys.stdin:
            counts = watched.counts = Applied()
            begin, processor = time.perf_counter(), time.process_time()
            append_drop(store, line.strip(), utc_now())
            done = ingest.apply_changes(store, settings)
            keep_only_live(store)
            counts.release, counts.applied, counts.rejected = done.release, done.applied, done.rejected
            counts.seconds, counts.processor = time.perf_counter() - begin, time.process_time() - processor
            print(json.dumps(asdict(counts)), flush=True)


if __name__ == "__main__":
    main()
