import importlib
import json

import pytest

from training.errors import TrainingError
from training.pipeline.files import write_json
from training.pipeline.stages import digest_of, run_stage, stage_seconds
from training.pipeline.work_folder import WorkFolder


@pytest.fixture
def work(tmp_path):
    return WorkFolder(tmp_path)


class Baking:
    """A stage that writes its one output. A call returns whether the stage ran; `runs` holds the inputs of each run."""

    def __init__(self, work):
        self.work = work
        self.runs: list[dict] = []

    def __call__(self, **inputs):
        def make():
            self.runs.append(inputs)
            (self.work.root / "output").write_text("made")

        return run_stage(self.work, "bake", inputs, [self.work.root / "output"], make)


@pytest.fixture
def stage(work):
    return Baking(work)


def test_a_stage_runs_once_for_the_same_inputs(stage):
    assert [stage(a=1), stage(a=1)] == [True, False]
    assert len(stage.runs) == 1


def test_a_stage_runs_again_when_an_input_changed(stage):
    assert [stage(a=1), stage(a=2), stage(a=1)] == [True, True, True]


def test_a_stage_runs_again_when_its_output_is_missing(stage, work):
    stage(a=1)
    (work.root / "output").unlink()
    assert stage(a=1)


def test_a_stage_runs_again_when_its_code_changed(work, tmp_path, monkeypatch):
    source = tmp_path / "baking.py"
    monkeypatch.syspath_prepend(str(tmp_path))

    def bake(code):
        source.write_text(code)
        baking = importlib.reload(importlib.import_module("baking"))
        return run_stage(work, "bake", {}, [], baking.make)

    code = "def make():\n    return 1\n"
    assert [bake(code), bake(code), bake(f"# Slowly.\n{code}"), bake(code.replace("1", "22"))] == [
        True, False, False, True,
    ]  # fmt: skip


def test_a_stage_that_was_stopped_runs_again(stage, work):
    stage(a=1)
    with pytest.raises(KeyboardInterrupt):
        run_stage(work, "bake", {"a": 2}, [], lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    assert stage(a=1)  # although its output exists, because the stopped run may have changed it


def test_a_stage_with_a_damaged_stamp_runs_again(stage, work):
    stage(a=1)
    (work.root / "stages" / "bake.json").write_text("{")
    assert stage(a=1)


def test_a_stage_without_its_output_is_an_error_that_names_the_stage(work):
    with pytest.raises(TrainingError, match=r"stage bake did not write .*/bread"):
        run_stage(work, "bake", {}, [work.root / "bread"], lambda: None)
    assert stage_seconds(work, "bake") is None


def test_the_duration_of_a_stage_is_stored(stage, work):
    stage(a=1)
    seconds = stage_seconds(work, "bake")
    assert seconds is not None
    assert seconds >= 0


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1}) != digest_of({"a": 1, "b": [3]})


def test_json_is_written_as_utf_8_without_temporary_files(tmp_path):
    write_json(tmp_path / "deep" / "x.json", {"é": [1]})
    assert json.loads((tmp_path / "deep" / "x.json").read_text(encoding="utf-8")) == {"é": [1]}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["x.json"]


def test_a_full_disk_is_an_error_that_names_the_file_and_leaves_it_unchanged(tmp_path):
    path, partial = tmp_path / "x.json", tmp_path / ".x.json.partial"
    write_json(path, [1])
    partial.symlink_to("/dev/full")
    with pytest.raises(TrainingError, match=r"x.json cannot be written and is unchanged: .* No space left on device"):
        write_json(path, [2])
    assert json.loads(path.read_bytes()) == [1]
    assert list(tmp_path.iterdir()) == [path]
