"""Embed any number of photos: shared out over the processes of a run, in bounded memory, gone on with after a kill.

Rows are worked through in blocks, of which each process does its share. The process that leads collects a block, writes
it into its place in the files and notes how far it has come: a kill costs what came after, and a rerun may have another
number of processes, for the note counts rows. Nothing is shared but the blocks, so that machines need no common disk.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lambda_app.model import ModelOutput
from training.errors import TrainingError
from training.pipeline.files import write_json
from training.pipeline.progress import track
from training.pipeline.world import SINGLE_PROCESS, World

LOGITS = "logits.npy"
EMBEDDINGS = "embeddings.npy"
PROGRESS = "embedded.json"
Mapped = np.memmap[Any, np.dtype[np.float32]]
BATCH = 64  # rows that the model answers at once
# Of each process, between two notes: rows are lost by the thousand at most, and files are not flushed all the time.
_BATCHES_A_BLOCK = 16


def embed_rows(
    answer: Callable[[slice], ModelOutput],
    count: int,
    shape: tuple[int, int],
    folder: Path,
    identity: str,
    world: World = SINGLE_PROCESS,
    batch: int = BATCH,
) -> ModelOutput | None:
    """The model's answers for `count` rows, in memory-mapped files of `folder`; each process of `world` must call.

    Args:
        answer: what the model says of some rows, at most `batch`.
        shape: classes, and d of the embedding.
        folder: of the process that leads; keeps `LOGITS`, `EMBEDDINGS` and `PROGRESS`.
        identity: of everything that the answers depend on, such as the digests of model and dataset; where the folder
            holds a part of the same, the work goes on from there.
        batch: at most so many rows are asked for at once.

    Returns:
        float32 logits (count, classes) and embeddings (count, d) in the process that leads, None in the others.

    Raises:
        LostProcessError: another process has ended.
        TrainingError: a file cannot be written, as on a full disk; what was noted before stands.
    """
    done = _rows_done(folder, identity, count, shape) if world.is_leader else 0
    (known,) = world.broadcast(done)
    done, step = int(known), batch * _BATCHES_A_BLOCK * world.size
    if world.is_leader and not done:
        _make(folder, count, shape)
    mapped = _mapped(folder) if world.is_leader else None
    batches = -(-(count - done) // (batch * world.size))
    bar = track(range(batches), batches, "embed", "batch") if world.is_leader else iter(())
    for start in range(done, count, step):
        rows = range(start, min(start + step, count))
        found = [np.empty((0, sum(shape)), np.float32)]
        own = rows[world.shard(len(rows))]
        for first in own[::batch]:
            said = answer(slice(first, min(first + batch, own.stop)))
            found.append(np.concatenate([said.logits, said.embedding], axis=1))
            next(bar, None)
        block = world.all_gather(torch.from_numpy(np.concatenate(found)), len(rows)).numpy()
        if mapped:
            for array, part in zip(mapped, np.split(block, [shape[0]], axis=1), strict=True):
                _write(array, start, part)
            write_json(folder / PROGRESS, {"identity": identity, "rows": rows.stop})
    next(bar, None)  # its last line
    return ModelOutput(*mapped) if mapped else None


def _make(folder: Path, count: int, shape: tuple[int, int]) -> None:
    """The files in their final size, after what was noted of older ones is taken back."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROGRESS).unlink(missing_ok=True)
    for name, width in zip((LOGITS, EMBEDDINGS), shape, strict=True):
        with _writing(folder / name):
            np.lib.format.open_memmap(folder / name, "w+", np.float32, (count, width))


def _write(array: Mapped, start: int, rows: npt.NDArray[np.float32]) -> None:
    """Put rows into the file behind an array where they belong, and see them on the disk."""
    # Not through the mapping: on a full disk that ends the process without a word.
    path = Path(str(array.filename))
    with _writing(path), path.open("r+b") as file:
        file.seek(array.offset + start * array.strides[0])
        file.write(rows.tobytes())
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise TrainingError(f"{path} cannot be written: {exc}; run again to go on from its last whole block") from exc


def _rows_done(folder: Path, identity: str, count: int, shape: tuple[int, int]) -> int:
    """How many rows an earlier run of the same identity has left; 0 where its files are gone or of other shapes."""
    try:
        note = json.loads((folder / PROGRESS).read_bytes())
        shapes = [array.shape for array in _mapped(folder)]
    except (OSError, ValueError):
        return 0
    same = note["identity"] == identity and shapes == [(count, width) for width in shape]
    return int(note["rows"]) if same else 0


def _mapped(folder: Path) -> tuple[Mapped, Mapped]:
    """Logits and embeddings, for reading."""
    return np.lib.format.open_memmap(folder / LOGITS, "r"), np.lib.format.open_memmap(folder / EMBEDDINGS, "r")
