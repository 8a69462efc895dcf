import argparse
import importlib
import json
from dataclasses import dataclass

import pytest

from lambda_app.errors import SettingsError
from training.errors import DataError, TrainingError
from training.pipeline.commands import (
    CommandParser,
    add_settings,
    add_work_folder,
    boolean,
    check_settings,
    report_errors,
    setting,
    settings_from,
)
from training.pipeline.files import write_json
from training.pipeline.stages import digest_of, run_stage, stage_seconds
from training.pipeline.work_folder import WorkFolder


@dataclass(frozen=True)
class Settings:
    max_steps: int = setting(5, "how many; 100% of them", low=0, high=9)
    kind: str = setting("a", "which", choices=("a", "b"))
    fast: bool = setting(False, "whether")

    def __post_init__(self):
        check_settings(self)


@pytest.fixture
def work(tmp_path):
    return WorkFolder(tmp_path)


@pytest.fixture
def stage(work):
    """Run a stage that writes its one output; tells whether it ran, and counts."""
    runs = []

    def run(**inputs):
        def make():
            runs.append(inputs)
            (work.root / "output").write_text("made")

        return run_stage(work, "bake", inputs, [work.root / "output"], make)

    run.runs = runs
    return run


def test_a_stage_runs_once_for_the_same_inputs(stage):
    assert [stage(a=1), stage(a=1)] == [True, False]
    assert len(stage.runs) == 1


def test_a_stage_runs_again_when_an_input_changed(stage):
    assert [stage(a=1), stage(a=2), stage(a=1)] == [True, True, True]


def test_a_stage_runs_again_when_its_output_is_gone(stage, work):
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
    assert stage(a=1)  # although its output exists: the stopped run may have changed it


def test_a_stage_with_a_damaged_stamp_runs_again(stage, work):
    stage(a=1)
    (work.root / "stages" / "bake.json").write_text("{")
    assert stage(a=1)


def test_a_stage_without_its_output_is_an_error_that_names_the_stage(work):
    with pytest.raises(TrainingError, match=r"stage bake did not write .*/bread"):
        run_stage(work, "bake", {}, [work.root / "bread"], lambda: None)
    assert stage_seconds(work, "bake") is None


def test_the_seconds_of_a_stage_are_kept(stage, work):
    stage(a=1)
    assert stage_seconds(work, "bake") >= 0


def test_a_digest_does_not_depend_on_order():
    assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1}) != digest_of({"a": 1, "b": [3]})


def parse(*argv):
    parser = CommandParser(prog="stage")
    add_work_folder(parser)
    add_settings(parser, Settings)
    given = parser.parse_args(["--out", "x", *argv])
    return settings_from(given, Settings)


def test_settings_come_from_options_of_their_names():
    assert parse() == Settings()
    assert parse("--max-steps", "7", "--kind", "b", "--fast", "True") == Settings(7, "b", True)


@pytest.mark.parametrize(("text", "value"), [("True", True), ("false", False), ("1", True), ("no", False)])
def test_booleans_arrive_with_a_value(text, value):
    assert boolean(text) is value


def test_what_is_neither_true_nor_false_is_refused():
    with pytest.raises(argparse.ArgumentTypeError, match="'maybe' is neither true nor false"):
        boolean("maybe")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_steps": 10}, "max_steps is 10; it must be at most 9"),
        ({"max_steps": -1}, "max_steps is -1; it must be at least 0"),
        ({"max_steps": float("nan")}, "max_steps is nan; it must be at least 0"),
        ({"kind": "c"}, "kind is 'c'; it may be a, b"),
    ],
)
def test_a_setting_out_of_its_range_is_named(changes, message):
    with pytest.raises(SettingsError, match=message):
        Settings(**changes)


@pytest.mark.parametrize("argv", [["--max-steps", "many"], ["--kind", "c"], ["--what"]])
def test_a_mistake_on_the_command_line_is_one_line_and_exit_code_2(argv, capsys):
    assert report_errors(lambda _: parse(*argv)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_help_shows_reasons_and_defaults(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    assert "how many; 100% of them (default 5)" in " ".join(capsys.readouterr().out.split())


def test_an_error_of_ours_is_one_line_and_exit_code_2(capsys):
    def main(argv):
        raise DataError(f"no data in {argv}")

    assert report_errors(main, ["x"]) == 2
    assert capsys.readouterr().err == "error: no data in ['x']\n"


def test_an_error_that_is_not_ours_is_not_hidden():
    def main(argv):
        raise ZeroDivisionError(argv)

    with pytest.raises(ZeroDivisionError):
        report_errors(main, [])


def test_success_is_exit_code_0():
    assert report_errors(lambda argv: None, []) == 0


def test_json_is_written_whole(tmp_path):
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
