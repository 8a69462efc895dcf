import json
import resource

import pytest
import torch

from training.errors import DivergedError, TrainingError
from training.fit.record import RunRecord, load_checkpoint, save_checkpoint
from training.fit.trainer import Trainer
from training.network.weights import load_weights


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


@pytest.mark.parametrize(
    ("schedule", "last", "kept"), [("cosine", 0.85, 3), ("cosine", 0.5, 1), ("flat", 0.85, 1), ("waves", 0.85, 1)]
)
def test_the_last_epoch_of_a_falling_rate_is_kept_unless_it_is_clearly_worse(
    small_dataset, fit_settings, tmp_path, schedule, last, kept
):
    trainer = Trainer(small_dataset, fit_settings.changed(schedule=schedule), torch.device("cpu"))
    record = RunRecord(trainer, tmp_path, tmp_path / "checkpoint.pt", "this run")
    record.resume()
    for epoch, accuracy in enumerate((0.9, 0.8, last), 1):
        with torch.no_grad():
            trainer.eval_model.classifier.bias.fill_(epoch)
        record.add(FIGURES | {"epoch": epoch, "val_accuracy": accuracy})
    record.write()
    assert json.loads((tmp_path / "fit.json").read_bytes())["best_epoch"] == kept
    assert set(load_weights(tmp_path / "best.safetensors")[0].classifier.bias.tolist()) == {float(kept)}


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
