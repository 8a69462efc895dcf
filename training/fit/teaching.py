"""What a training run takes from its teacher: the outputs for its photos, the weight of its loss, its description."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from training.dataset import Dataset
from training.fit.heads.teaching import Lesson, Taught, TeachingLoss, taught_by
from training.fit.input_pipeline import InputPipeline
from training.fit.settings import FitSettings
from training.network.embedding_net import EMBEDDING_DIM
from training.network.input import copy_to_device
from training.network.teacher import outputs
from training.network.teacher.release import take_over
from training.pipeline.work_folder import WorkFolder


@dataclass(frozen=True)
class Teaching:
    """The teacher of a run.

    Attributes:
        dim: dimension of its embedding, and so of the student's.
        about: what is recorded of it.
        outputs: float32 (n, classes + d) of all photos of the dataset, memory-mapped; None in other processes than the
            leader, which gets the rows of each batch from it.
    """

    dim: int
    about: dict[str, Any]
    outputs: npt.NDArray[np.float32] | None = None

    def of(self, batch: npt.NDArray[np.int64], step: tuple[int, int], given: InputPipeline) -> Taught:
        """The outputs for a batch, on the device of the pipeline. Every process must call it.

        Args:
            batch, step: see `InputPipeline.images`.
            given: the pipeline that draws the changes of the photos.
        """
        classes = len(given.dataset.categories)
        found = torch.zeros((len(batch), classes + self.dim))
        if self.outputs is not None:
            found = torch.from_numpy(self.outputs[given.rows[batch]])
        return taught_by(
            copy_to_device(given.world.broadcast_tensor(found), given.device), classes, given.alike(batch, step)
        )

    def lesson(self, rows: npt.NDArray[np.int64], settings: FitSettings) -> Lesson:
        """The outputs for rows of the dataset, with the loss of a run, in the leader."""
        if self.outputs is None:
            raise ValueError("only the leader has the teacher's outputs")
        return Lesson(self.outputs[rows], loss_of(settings))


def teaching_of(work: WorkFolder, dataset: Dataset, settings: FitSettings, data: Path | None) -> Teaching | None:
    """Copy the teacher to the work folder and compute its outputs, unless they are there; None without a teacher.

    Args:
        data: see `training.network.teacher.outputs.run`.

    Raises:
        TeacherError: the release cannot be used, or does not fit the dataset.
    """
    if settings.teacher is None:
        return None
    teacher = take_over(settings.teacher, work.teacher)
    outputs.run(work, dataset, teacher, data)
    found = np.load(work.teacher_outputs, mmap_mode="r", allow_pickle=False)
    return Teaching(teacher.dim, teacher.about(), found)


def loss_of(settings: FitSettings) -> TeachingLoss:
    """The loss with the weights of the settings."""
    return TeachingLoss(settings.teacher_embedding, settings.teacher_logits)


def dimension(teaching: Teaching | None) -> int:
    """Dimension of the embedding of a run."""
    return EMBEDDING_DIM if teaching is None else teaching.dim
