import os
import resource
import signal

import pytest
import torch

from training.errors import DivergedError, TrainingError
from training.fit.record import RunRecord, load_checkpoint, save_checkpoint, stopped_by_signal
from training.fit.trainer import Trainer


@pytest.fixture
def record(small_dataset, fit_settings, tmp_path):
    trainer = Trainer(small_dataset, fit_settings, torch.device("cpu"))
    return RunRecord(trainer, tmp_path, tmp_path / "checkpoint.pt", "this run")


FIGURES = {"epoch": 1, "val_accuracy": 0.5, "val_recall4": None, "seconds": 1.0}


def test_a_new_run_has_its_initial_weights_as_the_best_ones(record):
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


def test_weights_that_are_not_better_are_not_kept(record):
    record.resume()
    for epoch, accuracy in enumerate((0.5, 0.5, 0.4), 1):
        record.add(FIGURES | {"epoch": epoch, "val_accuracy": accuracy})
    assert record.best_epoch == 1


def test_no_checkpoint_is_due_right_after_the_start(record):
    record.save_if_due()
    assert not record.checkpoint.exists()


def test_a_diverged_network_does_not_replace_the_checkpoint(record):
    record.resume()
    record.save()
    record.trainer.losses[0], record.trainer.steps_done = float("nan"), 1
    with pytest.raises(DivergedError, match="the loss is nan in epoch 1, batch 1"):
        record.save()
    found = load_checkpoint(record.checkpoint, "this run")
    assert found is not None
    assert found["trainer"]["done"] == 0


STATE = {"fingerprint": "abc", "epoch": 3, "weights": {"a": torch.arange(3.0)}, "history": [{"lr": 0.1, "loss": None}]}


def test_a_saved_checkpoint_can_be_loaded(tmp_path):
    path = tmp_path / "deep" / "checkpoint.pt"
    save_checkpoint(path, STATE)
    found = load_checkpoint(path, "abc")
    assert found is not None
    assert torch.equal(found["weights"].pop("a"), torch.arange(3.0))
    assert found == STATE | {"weights": {}}
    assert [child.name for child in path.parent.iterdir()] == ["checkpoint.pt"]


def test_there_is_no_checkpoint_before_the_first_one(tmp_path):
    assert load_checkpoint(tmp_path / "checkpoint.pt", "abc") is None


def test_a_checkpoint_of_another_run_is_not_used(tmp_path):
    save_checkpoint(tmp_path / "checkpoint.pt", STATE)
    assert load_checkpoint(tmp_path / "checkpoint.pt", "other") is None


def test_a_damaged_checkpoint_is_named_in_the_error(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrainingError, match=r"checkpoint.pt cannot be loaded .* delete it to start from the beginning"):
        load_checkpoint(path, "abc")


@pytest.fixture
def disk_of():
    """Limit the size of files to a number of bytes, which makes writes fail as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_keeps_the_earlier_checkpoint(tmp_path, disk_of):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)
    disk_of(100_000)
    with pytest.raises(TrainingError, match=r"checkpoint.pt cannot be written"):
        save_checkpoint(path, STATE | {"epoch": 4, "weights": {"a": torch.zeros(1_000_000)}})
    found = load_checkpoint(path, "abc")
    assert found is not None
    assert found["epoch"] == 3
    assert [child.name for child in tmp_path.iterdir()] == ["checkpoint.pt"]


def stopped_while_at_work(done, number):
    with stopped_by_signal() as stop:
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested
        done.append("what was under way")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_requests_a_stop_and_ends_the_process_after_the_current_work(number, status):
    done: list[str] = []
    with pytest.raises(SystemExit) as ended:
        stopped_while_at_work(done, number)
    assert done
    assert ended.value.code == status


def test_a_second_ctrl_c_ends_the_process_at_once():
    with stopped_by_signal() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        stop.requested = False


def test_a_process_that_ignores_ctrl_c_goes_on_ignoring_it():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopped_by_signal() as stop:
            os.kill(os.getpid(), signal.SIGINT)
        assert not stop.requested
    finally:
        signal.signal(signal.SIGINT, before)


def test_without_a_signal_the_process_continues_and_the_old_handler_is_restored():
    before = signal.getsignal(signal.SIGTERM)
    with stopped_by_signal():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
