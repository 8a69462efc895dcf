"""Embed any number of photos: shared out over the processes of a run, in bounded memory, gone on with after a kill.

Rows are worked through in blocks, of which each process does its share. The process that leads collects a block, writes
it into memory-mapped files and notes how far it has come: a kill costs what came after, and a rerun may have another
number of processes, for the note counts rows.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from lambda_app.model import ModelOutput
from training.distributed import ALONE, World
from training.progress import track
from training.stages import write_json

LOGITS = "logits.npy"
EMBEDDINGS = "embeddings.npy"
PROGRESS = "embedded.json"
# Of each process, between two notes: rows are lost by the thousand at most, and files are not flushed all the time.
_BATCHES_A_BLOCK = 16


def embed_rows(
    answer: Callable[[slice], ModelOutput],
    count: int,
    shape: tuple[int, int],
    folder: Path,
    identity: str,
    world: World = ALONE,
    batch: int = 64,
) -> ModelOutput | None:
    """The model's answers for `count` rows, in memory-mapped files of `folder`; each process of `world` must call.

    Args:
        answer: what the model says of some rows, at most `batch`.
        shape: classes, and d of the embedding.
        folder: of the process that leads; keeps `LOGITS`, `EMBEDDINGS` and `PROGRESS`.
        identity: of everything that the answers depend on, such as the digests of model and dataset; where the folder
            holds a part of the same, the work goes on from there.
        batch: rows that the model answers at once.

    Returns:
        float32 logits (count, classes) and embeddings (count, d) in the process that leads, None in the others.
    """
    done = _rows_done(folder, identity, count, shape) if world.leads else 0
    (known,) = world.told(done)
    done, step = int(known), batch * _BATCHES_A_BLOCK * world.size
    outputs = _outputs(folder, count, shape, "r+" if done else "w+") if world.leads else None
    batches = -(-(count - done) // (batch * world.size))
    bar = track(range(batches), batches, "embed", "batch") if world.leads else iter(())
    for start in range(done, count, step):
        rows = range(start, min(start + step, count))
        found = [np.empty((0, sum(shape)), np.float32)]
        own = rows[world.share(len(rows))]
        for first in own[::batch]:
            part = answer(slice(first, min(first + batch, own.stop)))
            found.append(np.concatenate([part.logits, part.embedding], axis=1))
            next(bar, None)
        block = world.gather(torch.from_numpy(np.concatenate(found)), len(rows)).numpy()
        if outputs is not None:
            _write(outputs, rows, block)
            write_json(folder / PROGRESS, {"identity": identity, "rows": rows.stop})
    next(bar, None)  # its last line
    return outputs


def _write(outputs: ModelOutput, rows: range, block: npt.NDArray[np.float32]) -> None:
    classes = outputs.logits.shape[1]
    outputs.logits[rows.start : rows.stop] = block[:, :classes]
    outputs.embedding[rows.start : rows.stop] = block[:, classes:]
    for array in (outputs.logits, outputs.embedding):
        if isinstance(array, np.memmap):
            array.flush()


def _rows_done(folder: Path, identity: str, count: int, shape: tuple[int, int]) -> int:
    """How many rows an earlier run of the same identity has left; 0 where its files are gone or of other shapes."""
    try:
        note = json.loads((folder / PROGRESS).read_bytes())
        standing = _outputs(folder, count, shape, "r+")
    except (OSError, ValueError):
        return 0
    same = note["identity"] == identity and standing.logits.shape == (count, shape[0])
    return int(note["rows"]) if same and standing.embedding.shape == (count, shape[1]) else 0


def _outputs(folder: Path, count: int, shape: tuple[int, int], mode: str) -> ModelOutput:
    """The files, mapped; `mode` w+ makes them anew, and first takes back what was noted of the old."""
    if mode == "w+":
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PROGRESS).unlink(missing_ok=True)
    return ModelOutput(
        np.lib.format.open_memmap(folder / LOGITS, mode, np.float32, (count, shape[0])),
        np.lib.format.open_memmap(folder / EMBEDDINGS, mode, np.float32, (count, shape[1])),
    )
