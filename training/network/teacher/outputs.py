"""The teacher's outputs for all photos of a dataset, computed once: float32 (n, classes + d), logits and embedding.

The teacher sees photos as its own release prepares them. If only mean and std differ from those of the dataset, the
cached photos are used; else, as with another size, the photos are decoded again from the data. A run that was stopped
goes on after its last batch.
"""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lambda_app.errors import PhotoError
from lambda_app.photo.preprocessing import load_rgb, normalise
from lambda_app.photo.rules import Preprocessing
from training.dataset import Dataset
from training.errors import TeacherError
from training.network.teacher.release import Teacher
from training.pipeline.disk import check_space, writing
from training.pipeline.files import write_json
from training.pipeline.progress import track
from training.pipeline.stages import digest_of, run_stage
from training.pipeline.work_folder import WorkFolder

_BATCH = 64
Photos = npt.NDArray[np.uint8]


def run(work: WorkFolder, dataset: Dataset, teacher: Teacher, data: Path | None) -> bool:
    """Run the stage, unless the outputs of the same teacher for the same photos are there. Returns whether it ran.

    Args:
        data: the folder from which the dataset was prepared; needed if the teacher sees other pixels.

    Raises:
        TeacherError: other categories; photos are needed that `data` does not hold; or see `Teacher.open`.
        DiskFullError: the outputs do not fit on the disk.
    """
    teacher.check_categories(dataset.categories)
    inputs = {"teacher": teacher.about(), "dataset": dataset.training_digest}
    inputs["preprocessing"] = teacher.manifest.preprocessing.model_dump(mode="json")
    identity = digest_of(inputs)
    target = work.teacher_outputs
    return run_stage(work, "teacher", inputs, [target], lambda: write(dataset, teacher, data, target, identity))


def write(dataset: Dataset, teacher: Teacher, data: Path | None, path: Path, identity: str) -> None:
    """Compute the outputs of all photos, in row order.

    Args:
        identity: digest of teacher and dataset; an unfinished file with the same one is continued.
    """
    partial, progress = path.with_name(f".{path.name}.partial"), path.with_name("progress.json")
    count, width = len(dataset.photos), len(dataset.categories) + teacher.dim
    model, rules = teacher.open(), teacher.manifest.preprocessing
    done = _rows_done(partial, progress, identity, (count, width))
    if not done:
        progress.unlink(missing_ok=True)
        check_space(path, count * width * 4)
        with writing(partial):
            np.lib.format.open_memmap(partial, "w+", np.float32, (count, width)).flush()
    starts = range(done, count, _BATCH)
    bar = track(starts, len(starts), "teacher", "batch")
    for start, photos in zip(bar, _batches(dataset, rules, data, starts), strict=True):
        found = model.run(normalise(photos, rules))
        _append(partial, start, np.concatenate([found.logits, found.embedding], axis=1))
        write_json(progress, {"identity": identity, "rows": start + len(photos)})
    partial.replace(path)
    progress.unlink(missing_ok=True)


def same_pixels(first: Preprocessing, second: Preprocessing) -> bool:
    """Whether both make the same pixels of a photo; mean and std apply to these pixels."""
    return first.model_dump(exclude={"mean", "std"}) == second.model_dump(exclude={"mean", "std"})


def _batches(dataset: Dataset, rules: Preprocessing, data: Path | None, starts: range) -> Iterator[Photos]:
    """The photos of each batch as the teacher sees them, uint8 (n, size, size, 3)."""
    if same_pixels(rules, dataset.preprocessing):
        yield from (np.ascontiguousarray(dataset.photos[start : start + _BATCH]) for start in starts)
        return
    if data is None:
        raise TeacherError(
            f"the teacher sees photos of {rules.size} pixels ({rules.fit}, {rules.interpolation}), the dataset has "
            f"{dataset.preprocessing.size} ({dataset.preprocessing.fit}, {dataset.preprocessing.interpolation}), so "
            "they must be decoded again: give the raw data (--data)"
        )
    names = [item.photo for item in dataset.items()]
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="decode") as pool:
        for start in starts:
            paths = [data / name for name in names[start : start + _BATCH]]
            yield np.stack(list(pool.map(lambda path: _decoded(path, rules), paths)))


def _decoded(path: Path, rules: Preprocessing) -> Photos:
    try:
        return load_rgb(path.read_bytes(), rules)
    except (OSError, PhotoError) as exc:
        raise TeacherError(f"the teacher cannot see {path}: {exc}; prepare the dataset again") from exc


def _append(path: Path, row: int, values: npt.NDArray[np.float32]) -> None:
    """Write rows to an existing file. Not through a mapping: on a full disk, that would kill the process (SIGBUS)."""
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    with writing(path), path.open("r+b") as file:
        file.seek(array.offset + row * array.strides[0])
        file.write(np.ascontiguousarray(values, np.float32).tobytes())
        file.flush()
        os.fsync(file.fileno())  # before the progress says so


def _rows_done(partial: Path, progress: Path, identity: str, shape: tuple[int, int]) -> int:
    """Rows that an earlier run has written, with the same identity."""
    try:
        record = json.loads(progress.read_bytes())
        known = np.load(partial, mmap_mode="r", allow_pickle=False).shape
    except (OSError, ValueError):
        return 0
    return int(record["rows"]) if record["identity"] == identity and known == shape else 0
