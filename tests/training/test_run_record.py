import dataclasses

import pytest
import torch

from training.checkpoint import load_checkpoint
from training.errors import DivergedError
from training.run_record import RunRecord
from training.trainer import Trainer


@pytest.fixture
def record(small_dataset, fit_settings, tmp_path):
    trainer = Trainer(small_dataset, fit_settings, torch.device("cpu"))
    return RunRecord(trainer, tmp_path, tmp_path / "checkpoint.pt", "this run")


FIGURES = {"epoch": 1, "val_accuracy": 0.5, "val_recall4": None, "seconds": 1.0}


def test_a_new_run_begins_with_the_weights_it_starts_from(record):
    assert record.resume() is None
    assert record.weights.keys() == record.trainer.judged.state_dict().keys()
    assert not record.complete


def test_a_checkpoint_holds_the_best_weights_and_the_history(record, tmp_path):
    record.resume()
    record.add(FIGURES)
    later = RunRecord(record.trainer, tmp_path / "new", record.checkpoint, "this run")
    assert later.resume()["epoch"] == record.trainer.epoch
    assert (later.history, later.best, later.best_epoch) == ([FIGURES], 0.5, 1)
    assert all(torch.equal(value, record.weights[name]) for name, value in later.weights.items())


def test_what_is_no_better_is_not_kept(record):
    record.resume()
    for epoch, accuracy in enumerate((0.5, 0.5, 0.4), 1):
        record.add(FIGURES | {"epoch": epoch, "val_accuracy": accuracy})
    assert (record.best_epoch, record.stale) == (1, 2)


def test_epochs_of_small_photos_do_not_count_as_without_improvement(record):
    record.trainer.input.settings = dataclasses.replace(record.trainer.settings, small=0.75)
    record.resume()
    for epoch, accuracy in enumerate((0.5, 0.4, 0.3), 1):
        record.add(FIGURES | {"epoch": epoch, "val_accuracy": accuracy})
    assert (record.best_epoch, record.stale) == (1, 0)


def test_a_checkpoint_is_not_due_right_after_the_start(record):
    record.save_if_due()
    assert not record.checkpoint.exists()


def test_a_ruined_network_does_not_replace_the_checkpoint(record):
    record.resume()
    record.save()
    record.trainer.losses[0], record.trainer.done = float("nan"), 1
    with pytest.raises(DivergedError, match="the loss is nan in epoch 1, batch 1"):
        record.save()
    assert load_checkpoint(record.checkpoint, "this run")["trainer"]["done"] == 0
