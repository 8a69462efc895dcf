"""How a network that learned from a teacher does beside it, on the test photos.

The stage `fit` left the teacher's outputs for all photos in OUT/teacher. If the teacher was trained on other splits, it
may have seen some of the test photos.
"""

import json
from typing import Any

import numpy as np

from lambda_app.search.vectors import unit
from training.dataset import Dataset
from training.evaluate.baseline import MEASURES, figures_of, lead_of, measured
from training.network.forward import Outputs
from training.pipeline.work_folder import WorkFolder

STUDENT, TEACHER = "student", "teacher"


def inputs_of(work: WorkFolder) -> dict[str, Any]:
    """What the comparison depends on besides the network and the dataset."""
    return {"teacher": entry_of(work), "outputs": work.teacher_outputs.is_file()}


def entry_of(work: WorkFolder) -> dict[str, Any] | None:
    """The entry `teacher` of `fit.json`: the release that taught; None without one, or in a run of an older version."""
    entry: dict[str, Any] | None = json.loads((work.fit / "fit.json").read_bytes()).get("teacher")
    return entry


def compare(work: WorkFolder, dataset: Dataset, served: Outputs) -> dict[str, Any]:
    """The entry `teacher` of `metrics.json`.

    Args:
        served: the outputs of the network that is exported, for all photos.

    Returns:
    `reason` why there is no comparison, or null; `release`, of the teacher; `test`, for STUDENT and TEACHER the
    MEASURES and their intervals; `leads`, the differences between them on the same photos. Without a comparison, all
    but the reason are null.
    """
    entry = entry_of(work)
    if entry is None or not work.teacher_outputs.is_file():
        why = "the network was trained without a teacher" if entry is None else "the teacher's outputs were deleted"
        return {"reason": why, "release": entry and entry["release"], "test": None, "leads": None}
    found = np.load(work.teacher_outputs, mmap_mode="r", allow_pickle=False)
    logits, vectors = found[:, : len(dataset.categories)], unit(found[:, len(dataset.categories) :])
    student = measured(dataset, served.logits, served.embedding)
    teacher = measured(dataset, logits, vectors)
    return {
        "reason": None,
        "release": entry["release"],
        "test": {STUDENT: figures_of(student), TEACHER: figures_of(teacher)},
        "leads": {name: lead_of(student[name], teacher[name]) for name in MEASURES},
    }
