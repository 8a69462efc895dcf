"""An embedding by several processes that each run `main`; one of them can be killed in the middle."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lambda_app.model.session import ModelOutput
from training.index.embedding import embed_rows
from training.pipeline.world import process_group

COUNT, SHAPE, BATCH = 101, (3, 5), 2  # blocks of 32 rows per process


def answers() -> ModelOutput:
    """The answers of the model for every row."""
    rng = np.random.default_rng(0)
    return ModelOutput(*(rng.random((COUNT, width), np.float32) for width in SHAPE))


def main(argv: Sequence[str]) -> None:
    """Embed into the folder argv[0]; the process of rank argv[1] is killed at the first row from argv[2] on."""
    expected = answers()
    with process_group(os.environ) as world:

        def answer(rows: slice) -> ModelOutput:
            if world.rank == int(argv[1]) and rows.start >= int(argv[2]):
                os.kill(os.getpid(), signal.SIGKILL)
            return ModelOutput(expected.logits[rows], expected.embedding[rows])

        embed_rows(answer, COUNT, SHAPE, Path(argv[0]), "model and dataset", world, batch=BATCH)
