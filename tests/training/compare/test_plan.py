import json
import os
import signal

import pytest

from lambda_app.errors import SettingsError
from training.compare import plan as compare
from training.errors import TrainingError
from training.fit.settings import FitSettings

NAMES = ("flat-0", "default-0", "flat-1", "default-1")


@pytest.fixture(scope="module")
def arguments(trained, tmp_path_factory):
    """Two recipes, two seeds, two epochs."""
    out = tmp_path_factory.mktemp("compared")
    options = "--recipes flat default --seeds 0 1 --epochs 2 --jobs 2 --backbone resnet10_half --weights none"
    return ["--data", str(trained.dataset), "--out", str(out), *options.split()]


@pytest.fixture(scope="module")
def out(processes, trained, arguments):
    """The folder of a finished comparison with one run that was killed and resumed; tests must not change it."""
    plan, _, _ = compare.parse(arguments)
    first = plan.trials()[0]
    first.folder.mkdir(parents=True)
    (first.folder / "dataset").symlink_to(trained.dataset)
    named = first.settings.as_json().items()
    options = [
        text for name, value in named if value not in (None, "") for text in (f"--{name.replace('_', '-')}", str(value))
    ]
    fitting = processes.start("training.fit.stage", ["--out", str(first.folder), *options], kill=("checkpoint.pt", 2))
    assert fitting.wait()[0] == -signal.SIGKILL
    compare.main(arguments)
    return plan.out


@pytest.fixture(scope="module")
def found(out):
    return json.loads((out / "compare.json").read_bytes())


@pytest.mark.slow
def test_every_run_is_saved_with_its_settings_figures_and_history(found, small_dataset):
    assert [f"{run['recipe']}-{run['seed']}" for run in found["runs"]] == list(NAMES)
    for run in found["runs"]:
        assert run["settings"]["lr"] == (0.015 if run["recipe"] == "flat" else None)
        assert run["settings"]["seed"] == run["seed"]
        assert run["n"] == len(small_dataset.rows("test"))
        assert 0 <= run["accuracy"] <= 1
        assert {"recall@1", "recall@4", "category_precision@4"} <= set(run["retrieval"]["logits"])
        assert [set(epoch) >= {"lr", "train_loss", "val_accuracy"} for epoch in run["history"]] == [True, True]
        assert run["photos_per_s"] > 0
    assert found["dataset"]["digest"] == small_dataset.digest


@pytest.mark.slow
def test_the_page_has_the_table_the_method_and_the_charts(out, found):
    page = (out / "compare.md").read_text()
    flat, default = found["recipes"]
    assert f"| {100 * default['accuracy']['mean']:.1f} ± {100 * default['accuracy']['s']:.1f} % |" in page
    assert f"{100 * default['differences']['flat']['accuracy']['mean']:+.1f} (" in page
    assert flat["differences"] == {}
    assert "This favours the study." in page
    for name in ("learning_rate", "training_loss", "validation_accuracy"):
        assert f"({name}.png)" in page
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_same_command_again_trains_nothing(out, arguments, capsys):
    results = [out / "runs" / name / "result.json" for name in NAMES]
    before = [path.stat().st_mtime_ns for path in results]
    page = (out / "compare.md").read_text()
    compare.main(arguments)
    assert [path.stat().st_mtime_ns for path in results] == before
    assert (out / "compare.md").read_text() == page
    assert "default, seed 1: 2 epochs in " in capsys.readouterr().out


@pytest.mark.slow
def test_a_killed_run_is_resumed(out, found):
    assert "fit: resuming after epoch 1, batch 0" in (out / "runs" / NAMES[0] / "log.txt").read_text()
    assert [epoch["epoch"] for epoch in found["runs"][0]["history"]] == [1, 2]


@pytest.mark.slow
def test_runs_save_a_checkpoint_and_stop_when_the_command_is_killed(processes, trained, tmp_path):
    options = ["--recipes", "default", "--epochs", "100000", "--backbone", "resnet10_half", "--weights", "none"]
    log = tmp_path / "runs" / "default-0" / "log.txt"
    log.parent.mkdir(parents=True)
    os.mkfifo(log)
    command = processes.start(
        "training.compare.plan", ["--data", str(trained.dataset), "--out", str(tmp_path), *options]
    )
    with log.open() as lines:
        next(line for line in lines if line.startswith("epoch=1 "))
        command.signal(signal.SIGKILL)
        assert "fit: stopped after epoch" in lines.read()
    assert command.wait()[0] == -signal.SIGKILL
    assert (log.parent / "fit" / "checkpoint.pt").is_file()
    assert not (tmp_path / "compare.json").exists()


@pytest.mark.slow
def test_a_run_that_fails_ends_the_comparison_with_its_reason(trained, tmp_path):
    options = ["--recipes", "default", "--epochs", "1", "--backbone", "resnet99", "--weights", "none"]
    with pytest.raises(TrainingError, match=r"default, seed 0 ended with status 2: error: no backbone 'resnet99'"):
        compare.main(["--data", str(trained.dataset), "--out", str(tmp_path), *options])


def test_raw_data_is_prepared_in_the_folder_of_the_comparison(sample_data, tmp_path):
    dataset = compare.open_dataset(sample_data, tmp_path, 32, FitSettings(weights="none"))
    assert dataset.path == tmp_path / "dataset"
    assert dataset.preprocessing.size == 32


def test_a_prepared_dataset_of_another_size_is_refused(trained, tmp_path):
    with pytest.raises(SettingsError, match=r"size is 64; the photos of .* have 32 pixels"):
        compare.open_dataset(trained.dataset, tmp_path, 64, FitSettings())


def test_a_run_with_a_time_budget_has_no_limit_of_epochs():
    plan, _, _ = compare.parse(["--data", "d", "--out", "o", "--seconds", "5", "--jobs", "2", "--seeds", "4", "4", "5"])
    assert [trial.settings.seed for trial in plan.trials()] == [4, 4, 4, 5, 5, 5]
    assert {trial.settings.seconds for trial in plan.trials()} == {5.0}
    assert min(trial.settings.epochs for trial in plan.trials()) >= 1_000_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--recipes best", "unknown recipe 'best'"),
        ("--jobs 0", "jobs is 0; it must be at least 1"),
        ("--epochs 0", "epochs is 0; it must be at least 1"),
        ("--seconds 5 --epochs 3", "not allowed with"),
        ("--ablate --recipes flat", "not allowed with"),
        ("--seconds -1", "seconds is -1; it must be at least 0"),
    ],
)
def test_a_bad_option_is_named_in_the_error(options, message):
    with pytest.raises(SettingsError, match=message):
        compare.parse(["--data", "d", "--out", "o", *options.split()])
