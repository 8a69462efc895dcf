import os
import resource
import signal

import pytest
import torch

from training.errors import DivergedError, TrainingError
from training.fit.record import RunRecord, load_checkpoint, save_checkpoint, stopped_by_sigterm
from training.fit.trainer import Trainer


@pytest.fixture
def record(small_dataset, fit_settings, tmp_path):
    trainer = Trainer(small_dataset, fit_settings, torch.device("cpu"))
    return RunRecord(trainer, tmp_path, tmp_path / "checkpoint.pt", "this run")


FIGURES = {"epoch": 1, "val_accuracy": 0.5, "val_recall4": None, "seconds": 1.0}


def test_a_new_run_begins_with_the_weights_it_starts_from(record):
    assert record.resume() is None
    assert record.weights.keys() == record.trainer.eval_model.state_dict().keys()
    assert not record.complete


def test_a_checkpoint_holds_the_best_weights_and_the_history(record, tmp_path):
    record.resume()
    record.add(FIGURES)
    later = RunRecord(record.trainer, tmp_path / "new", record.checkpoint, "this run")
    resumed = later.resume()
    assert resumed is not None
    assert resumed["epoch"] == record.trainer.epoch
    assert (later.history, later.best, later.best_epoch) == ([FIGURES], 0.5, 1)
    assert all(torch.equal(value, record.weights[name]) for name, value in later.weights.items())


def test_what_is_no_better_is_not_kept(record):
    record.resume()
    for epoch, accuracy in enumerate((0.5, 0.5, 0.4), 1):
        record.add(FIGURES | {"epoch": epoch, "val_accuracy": accuracy})
    assert record.best_epoch == 1


def test_a_checkpoint_is_not_due_right_after_the_start(record):
    record.save_if_due()
    assert not record.checkpoint.exists()


def test_a_ruined_network_does_not_replace_the_checkpoint(record):
    record.resume()
    record.save()
    record.trainer.losses[0], record.trainer.steps_done = float("nan"), 1
    with pytest.raises(DivergedError, match="the loss is nan in epoch 1, batch 1"):
        record.save()
    found = load_checkpoint(record.checkpoint, "this run")
    assert found is not None
    assert found["trainer"]["done"] == 0


STATE = {"fingerprint": "abc", "epoch": 3, "weights": {"a": torch.arange(3.0)}, "history": [{"lr": 0.1, "loss": None}]}


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    path = tmp_path / "deep" / "checkpoint.pt"
    save_checkpoint(path, STATE)
    found = load_checkpoint(path, "abc")
    assert found is not None
    assert torch.equal(found["weights"].pop("a"), torch.arange(3.0))
    assert found == STATE | {"weights": {}}
    assert [child.name for child in path.parent.iterdir()] == ["checkpoint.pt"]


def test_there_is_none_before_the_first(tmp_path):
    assert load_checkpoint(tmp_path / "checkpoint.pt", "abc") is None


def test_that_of_another_run_is_not_taken(tmp_path):
    save_checkpoint(tmp_path / "checkpoint.pt", STATE)
    assert load_checkpoint(tmp_path / "checkpoint.pt", "other") is None


def test_a_damaged_one_is_named(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrainingError, match=r"checkpoint.pt cannot be loaded .* delete it to start from the beginning"):
        load_checkpoint(path, "abc")


@pytest.fixture
def disk_of():
    """Let no file grow over so many bytes: what a full disk does to a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_earlier_one(tmp_path, disk_of):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)
    disk_of(100_000)
    with pytest.raises(TrainingError, match=r"checkpoint.pt cannot be written"):
        save_checkpoint(path, STATE | {"epoch": 4, "weights": {"a": torch.zeros(1_000_000)}})
    found = load_checkpoint(path, "abc")
    assert found is not None
    assert found["epoch"] == 3
    assert [child.name for child in tmp_path.iterdir()] == ["checkpoint.pt"]


def stopped_while_at_work(done):
    with stopped_by_sigterm() as stop:
        assert not stop.requested
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.requested
        done.append("what was under way")


def test_sigterm_asks_for_a_stop_and_ends_the_process_once_there_is_time():
    done: list[str] = []
    with pytest.raises(SystemExit) as ended:
        stopped_while_at_work(done)
    assert done
    assert ended.value.code == 143


def test_without_a_signal_nothing_ends_and_what_sigterm_did_before_it_does_again():
    before = signal.getsignal(signal.SIGTERM)
    with stopped_by_sigterm():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
