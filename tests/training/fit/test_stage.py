import json
import logging
import shutil
import signal

import pytest
import torch

from lambda_app.release.manifest import sha256_of
from training.fit import stage as fit
from training.network.weights import load_weights
from training.pipeline.work_folder import WorkFolder

OPTIONS = ["--backbone", "resnet10_half", "--weights", "none", "--batch", "16"]


def arguments(work, epochs):
    """The command line of `training.fit` for the settings of `fit_settings`."""
    return ["--out", str(work.root), "--epochs", str(epochs), *OPTIONS]


@pytest.fixture
def work(trained, tmp_path):
    """A work folder that has only the small dataset."""
    work = WorkFolder(tmp_path / "work")
    work.root.mkdir()
    work.dataset.symlink_to(trained.dataset)
    return work


@pytest.fixture
def two_epochs(fit_settings):
    return fit_settings.changed(epochs=2)


def history(work):
    return json.loads((work.fit / "history.json").read_bytes())


def test_a_run_writes_history_provenance_and_weights(work, two_epochs, capsys):
    assert fit.run(work, two_epochs)
    assert [figures["epoch"] for figures in history(work)] == [1, 2]
    about = json.loads((work.fit / "fit.json").read_bytes())
    assert about["settings"] == two_epochs.as_json()
    assert about["epochs"] == 2
    assert about["best_epoch"] in (1, 2)
    assert about["metric_labels"] == "product"
    model, categories = load_weights(work.weights)
    assert model.classifier.out_features == len(categories) == 13
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch=")]
    assert len(lines) == 2
    assert all(name in lines[0] for name in (" train_loss=", " val_accuracy=", " val_recall4=", " photos_per_s="))


def test_a_run_of_one_step_says_that_it_trains_nothing(work, fit_settings, caplog):
    fit.run(work, fit_settings.changed(epochs=1, batch=1_000))
    told = json.loads((work.fit / "fit.json").read_bytes())["few_steps"]
    assert "keeps the learning rate at 0: it trains nothing" in told
    assert f"fit: {told}" in caplog.messages


def test_a_rerun_without_changes_does_nothing(work, fit_settings, caplog):
    fit.run(work, fit_settings)
    with caplog.at_level(logging.INFO):
        assert not fit.run(work, fit_settings)
    assert "fit: unchanged" in caplog.text


def test_the_best_epoch_is_kept_not_the_last(work, fit_settings):
    """A learning rate that soon ruins the network: a later epoch is worse than an earlier one."""
    settings = fit_settings.changed(epochs=6, ema=0.0, optimiser="sgd", lr=0.5, schedule="flat", warmup=0.3)
    fit.run(work, settings)
    scores = [figures["val_accuracy"] + figures["val_recall4"] for figures in history(work)]
    best = json.loads((work.fit / "fit.json").read_bytes())["best_epoch"]
    assert best == 1 + max(range(6), key=lambda epoch: scores[epoch])


def test_zero_epochs_save_the_untrained_network(work, fit_settings):
    fit.run(work, fit_settings.changed(epochs=0))
    assert history(work) == []
    model, _ = load_weights(work.weights)
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())


@pytest.fixture
def another_work(trained, tmp_path):
    """Make further work folders that have only the small dataset."""

    def make(name):
        work = WorkFolder(tmp_path / name)
        work.root.mkdir()
        work.dataset.symlink_to(trained.dataset)
        return work

    return make


def assert_same_run(one, other):
    assert sha256_of(one.weights) == sha256_of(other.weights)
    shown = ("epoch", "lr", "train_loss", "val_accuracy", "val_recall4")
    assert [[figures[name] for name in shown] for figures in history(one)] == [
        [figures[name] for name in shown] for figures in history(other)
    ]


# The process is killed before it renames this file for the nth time: the new checkpoint, the history (which the
# checkpoint also contains), or the weights, which are written last.
KILLED_AT = [("checkpoint.pt", 1), ("checkpoint.pt", 2), ("history.json", 2), ("best.safetensors", 1)]


@pytest.mark.slow
def test_a_run_killed_at_any_point_ends_with_the_weights_of_an_uninterrupted_one(
    processes, work, another_work, two_epochs
):
    fit.run(work, two_epochs)
    killed = [another_work(f"killed-{number}") for number in range(len(KILLED_AT))]
    running = [
        processes.start("training.fit.stage", arguments(one, 2), kill=kill)
        for one, kill in zip(killed, KILLED_AT, strict=True)
    ]
    assert [process.wait()[0] for process in running] == [-signal.SIGKILL] * len(killed)
    for one in killed:
        assert not one.weights.exists()
        fit.run(one, two_epochs)
        assert_same_run(one, work)


@pytest.mark.slow
def test_a_full_disk_loses_only_the_work_since_the_last_checkpoint(processes, work, another_work, two_epochs, caplog):
    fit.run(work, two_epochs)
    full = another_work("full")
    killed = processes.start("training.fit.stage", arguments(full, 2), kill=("checkpoint.pt", 2))
    assert killed.wait()[0] == -signal.SIGKILL
    status, output = processes.start("training.fit.stage", arguments(full, 2), disk=100_000).wait()
    assert status == 2
    assert "checkpoint.pt cannot be written" in output
    with caplog.at_level(logging.INFO):
        fit.run(full, two_epochs)
    assert "fit: resuming after epoch 1, batch 0" in caplog.text
    assert_same_run(full, work)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_saves_a_checkpoint_and_a_rerun_resumes_from_it(
    number, processes, work, another_work, fit_settings, caplog
):
    """A spot machine ends like this: SIGTERM, and then a new machine that finds the checkpoint."""
    settings = fit_settings.changed(epochs=8)
    fit.run(work, settings)
    stopped = another_work("stopped")
    child = processes.start("training.fit.stage", arguments(stopped, 8))
    child.wait_for("epoch=1 ")
    child.signal(number)
    status, output = child.wait()
    assert status == 128 + number
    assert "run again to resume" in output
    assert not stopped.weights.exists()
    with caplog.at_level(logging.INFO):
        fit.run(stopped, settings)
    assert "fit: resuming after epoch" in caplog.text
    assert_same_run(stopped, work)


@pytest.mark.slow
def test_stopping_or_killing_one_of_two_processes_ends_both(processes, work):
    """The first run saves a checkpoint, and the second resumes from it; then one process is killed."""
    running = processes.start_several(2, "training.fit.stage", arguments(work, 1000))
    running[0].wait_for("epoch=1 ")
    running[1].signal(signal.SIGTERM)
    assert [process.wait()[0] for process in running] == [128 + signal.SIGTERM] * 2
    assert not work.weights.exists()
    running = processes.start_several(2, "training.fit.stage", arguments(work, 1000))
    assert not running[0].wait_for("epoch=").startswith("epoch=1 ")
    running[1].signal(signal.SIGKILL)
    status, output = running[0].wait()
    assert status == 2
    assert "error: process 0 of 2 stops: another process has ended or does not respond" in output
    assert running[1].wait()[0] == -signal.SIGKILL


@pytest.mark.slow
def test_two_processes_that_diverge_both_end_with_the_frozen_heads(processes, work, trained):
    options = [*arguments(work, 2), "--weights", str(trained.weights)]
    options += ["--lr", "1e30", "--optimiser", "sgd", "--warmup", "0"]
    ended = [process.wait() for process in processes.start_several(2, "training.fit.stage", options)]
    assert [status for status, _ in ended] == [0, 0], ended
    assert json.loads((work.fit / "fit.json").read_bytes())["baseline"]["kept"] == "frozen"


def test_a_checkpoint_of_other_settings_is_not_used(work, fit_settings, caplog):
    fit.run(work, fit_settings)
    with caplog.at_level(logging.INFO):
        fit.run(work, fit_settings.changed(epochs=2))
    assert "resuming" not in caplog.text
    assert len(history(work)) == 2


def test_the_checkpoint_can_be_in_another_folder(work, fit_settings, tmp_path):
    fit.run(work, fit_settings, tmp_path / "checkpoints")
    assert (tmp_path / "checkpoints" / "checkpoint.pt").is_file()
    assert not (work.fit / "checkpoint.pt").exists()


def test_a_finished_run_can_be_restored_from_its_checkpoint_on_another_machine(work, fit_settings, tmp_path):
    fit.run(work, fit_settings, tmp_path / "checkpoints")
    weights, figures = sha256_of(work.weights), history(work)
    shutil.rmtree(work.fit)
    fit.run(work, fit_settings, tmp_path / "checkpoints")
    assert sha256_of(work.weights) == weights
    assert history(work) == figures


def test_training_starts_from_the_weights_of_a_release(work, trained, fit_settings):
    settings = fit_settings.changed(epochs=0, weights=str(trained.release / "weights.safetensors"))
    fit.run(work, settings)
    expected, found = load_weights(trained.weights)[0].state_dict(), load_weights(work.weights)[0].state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in found.items())


def test_the_stage_runs_as_a_command(work, capsys):
    fit.main(["--out", str(work.root), "--epochs", "1", *OPTIONS])
    assert "epoch=1 " in capsys.readouterr().out
    assert work.weights.is_file()
