import json

import numpy as np
import pytest

from training.evaluate import stage as evaluate
from training.evaluate import teacher
from training.fit import stage as fit
from training.network.forward import Outputs
from training.pipeline.work_folder import WorkFolder


@pytest.fixture(scope="module")
def taught(trained, fit_settings, tmp_path_factory):
    """A run with `--freeze all` that learned from the `trained` run; tests must not change it."""
    work = WorkFolder(tmp_path_factory.mktemp("taught"))
    work.dataset.symlink_to(trained.dataset)
    weights, release = str(trained.weights), str(trained.archive)
    fit.run(work, fit_settings.changed(weights=weights, freeze="all", teacher=release))
    evaluate.run(work)
    return work


def metrics(work):
    return json.loads((work.report / "metrics.json").read_bytes())


def test_the_teacher_has_the_figures_of_its_own_release(taught, trained):
    """Its release holds a float32 model of the same weights, and the dataset is the same."""
    found, own = metrics(taught)["teacher"], metrics(trained)["test"]
    assert found["release"] == json.loads((trained.release / "manifest.json").read_bytes())["release"]
    assert found["test"]["teacher"]["accuracy"] == pytest.approx(own["accuracy"], abs=0.05)
    assert found["test"]["teacher"]["recall@1"] == pytest.approx(own["retrieval"]["embedding"]["recall@1"], abs=0.05)


def test_the_student_has_the_figures_of_the_release(taught):
    found = metrics(taught)
    student, test = found["teacher"]["test"]["student"], found["test"]
    assert student["accuracy"] == pytest.approx(test["accuracy"])
    assert student["recall@4"] == pytest.approx(test["retrieval"]["embedding"]["recall@4"])
    lead = found["teacher"]["leads"]["accuracy"]["difference"]
    assert lead == pytest.approx(student["accuracy"] - found["teacher"]["test"]["teacher"]["accuracy"])


def test_the_report_shows_both(taught):
    page = (taught.report / "report.html").read_text(encoding="utf-8")
    assert '<th scope="row">release minus teacher</th>' in page


def test_without_a_teacher_there_is_no_comparison(trained):
    found = metrics(trained)["teacher"]
    assert found == {
        "reason": "the network was trained without a teacher", "release": None, "test": None, "leads": None
    }  # fmt: skip
    assert "Beside its teacher" not in (trained.report / "report.html").read_text(encoding="utf-8")


def test_deleted_outputs_are_told(taught, small_dataset, tmp_path):
    (tmp_path / "fit").mkdir()
    (tmp_path / "fit" / "fit.json").write_bytes((taught.fit / "fit.json").read_bytes())
    none = np.empty((0, 1), np.float32)
    found = teacher.compare(WorkFolder(tmp_path), small_dataset, Outputs(none, none, none))
    assert found["reason"] == "the teacher's outputs were deleted"
