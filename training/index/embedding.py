"""Embed any number of photos with several processes, in bounded memory; an interrupted run can be resumed.

Rows are processed in blocks, and each process embeds its shard of a block. The leader gathers the block, writes it to
the files and records the number of finished rows. After a kill, only later rows are computed again. The record counts
rows, so the rerun may have another number of processes. Blocks are sent over the network; machines need no shared disk.
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

from lambda_app.model.session import ModelOutput
from training.errors import TrainingError
from training.pipeline.disk import free_bytes
from training.pipeline.files import write_json
from training.pipeline.progress import track
from training.pipeline.world import SINGLE_PROCESS, World

LOGITS = "logits.npy"
EMBEDDINGS = "embeddings.npy"
PROGRESS = "embedded.json"
Mapped = np.memmap[Any, np.dtype[np.float32]]
BATCH = 64  # rows per forward pass
# Batches of each process per block. A kill loses at most 1,024 rows per process; smaller blocks would flush more often.
_BATCHES_PER_BLOCK = 16


def embed_rows(
    predict: Callable[[slice], ModelOutput],
    count: int,
    shape: tuple[int, int],
    folder: Path,
    identity: str,
    world: World = SINGLE_PROCESS,
    batch: int = BATCH,
) -> ModelOutput | None:
    """The model's outputs for `count` rows, in memory-mapped files of `folder`. Every process of `world` must call it.

    Args:
        predict: computes the outputs of a slice of at most `batch` rows.
        shape: number of classes, and dimension d of the embedding.
        folder: folder of the leader for the files `LOGITS`, `EMBEDDINGS` and `PROGRESS`.
        identity: digest of everything that the outputs depend on, such as model and dataset. If the folder has a part
            of the outputs with the same identity, the work resumes there.
        batch: maximum rows per forward pass.

    Returns:
        float32 logits (count, classes) and embeddings (count, d) in the leader, None in the other processes.

    Raises:
        LostProcessError: another process has ended.
        TrainingError: a file cannot be written, for example on a full disk; finished blocks are kept.
    """
    done = _rows_done(folder, identity, count, shape) if world.is_leader else 0
    (resumed,) = world.broadcast(done)
    done, step = int(resumed), batch * _BATCHES_PER_BLOCK * world.size
    if world.is_leader and not done:
        _create_files(folder, count, shape)
    mapped = _mapped(folder) if world.is_leader else None
    batches = -(-(count - done) // (batch * world.size))
    bar = track(range(batches), batches, "embed", "batch") if world.is_leader else iter(())
    for start in range(done, count, step):
        rows = range(start, min(start + step, count))
        found = [np.empty((0, sum(shape)), np.float32)]
        own = rows[world.shard(len(rows))]
        for first in own[::batch]:
            outputs = predict(slice(first, min(first + batch, own.stop)))
            found.append(np.concatenate([outputs.logits, outputs.embedding], axis=1))
            next(bar, None)
        block = world.all_gather(torch.from_numpy(np.concatenate(found)), len(rows)).numpy()
        if mapped:
            for array, part in zip(mapped, np.split(block, [shape[0]], axis=1), strict=True):
                _write_rows(array, start, part)
            write_json(folder / PROGRESS, {"identity": identity, "rows": rows.stop})
    next(bar, None)  # the last log line
    return ModelOutput(*mapped) if mapped else None


def _create_files(folder: Path, count: int, shape: tuple[int, int]) -> None:
    """Create the files in their final size. Deletes the progress record first, which may belong to older files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROGRESS).unlink(missing_ok=True)
    for name, width in zip((LOGITS, EMBEDDINGS), shape, strict=True):
        with _writing(folder / name):
            np.lib.format.open_memmap(folder / name, "w+", np.float32, (count, width))


def _write_rows(array: Mapped, start: int, rows: npt.NDArray[np.float32]) -> None:
    """Write rows to the file of a memory-mapped array, from row `start` on, and flush them to disk."""
    # Not through the mapping: on a full disk, that kills the process (SIGBUS) without an error message.
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
        raise TrainingError(
            f"{path} cannot be written: {exc}; run again to resume after its last complete block; {free_bytes(path):,} "
            "bytes are free there"
        ) from exc


def _rows_done(folder: Path, identity: str, count: int, shape: tuple[int, int]) -> int:
    """Rows finished by an earlier run with the same identity; 0 if its files are missing or have other shapes."""
    try:
        record = json.loads((folder / PROGRESS).read_bytes())
        shapes = [array.shape for array in _mapped(folder)]
    except (OSError, ValueError):
        return 0
    same = record["identity"] == identity and shapes == [(count, width) for width in shape]
    return int(record["rows"]) if same else 0


def _mapped(folder: Path) -> tuple[Mapped, Mapped]:
    """Logits and embeddings, memory-mapped for reading."""
    return np.lib.format.open_memmap(folder / LOGITS, "r"), np.lib.format.open_memmap(folder / EMBEDDINGS, "r")
