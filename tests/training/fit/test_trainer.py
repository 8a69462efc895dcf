import copy
import dataclasses

import numpy as np
import pytest
import torch

from training.errors import DataError, DivergedError
from training.fit.input.feed import make_feed
from training.fit.trainer import Trainer
from training.pipeline.world import World

CPU = torch.device("cpu")


def bar():
    return iter(int, 1)  # an endless progress bar


@pytest.fixture
def make(small_dataset, fit_settings):
    """A trainer of the tiny dataset, with some settings changed."""

    def trainer(**changes):
        return Trainer(small_dataset, fit_settings.changed(**changes), CPU)

    return trainer


def weights(trainer):
    return torch.cat([value.flatten().double() for value in trainer.eval_model.state_dict().values()])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimiser": "sgd", "lr": 0.01, "schedule": "flat"},
        {"metric_weight": 0.0},
        {"erasing": 0.2, "balance": 1.0},
        {"altered": 0.5},
    ],
)
def test_training_lowers_the_loss(make, changes):
    trainer = make(epochs=3, rotation=0.0, crop=0.0, colour=0.0, **changes)
    losses = [trainer.train_epoch(bar())["train_loss"] for _ in range(3)]
    assert losses[-1] < losses[0]
    assert trainer.progress() == 1


def test_photos_become_larger_within_the_run(make):
    trainer, sides = make(epochs=3, small=0.75), []
    trainer.forward.register_forward_pre_hook(lambda _, images: sides.append(tuple(images[0].shape[2:])))
    told = [trainer.train_epoch(bar())["side"] for _ in range(3)]
    size, first = trainer.dataset.preprocessing.size, round(trainer.steps * 0.6 + 0.49)
    assert sides == [(size * 3 // 4,) * 2] * first + [(size, size)] * (trainer.steps - first)
    # The photos grow within the second epoch, whose last steps show the full size.
    assert told == [size * 3 // 4, size, size]


def test_the_figures_of_an_epoch_have_their_names(make):
    trainer = make(epochs=2)
    trained, judged = trainer.train_epoch(bar()), trainer.validate()
    assert set(trained) == {"epoch", "lr", "side", "train_loss", "seconds", "photos_per_s"}
    assert set(judged) == {"val_loss", "val_accuracy", "val_recall4"}
    assert trained["epoch"] == 1
    assert trained["side"] == trainer.dataset.preprocessing.size
    assert 0 <= judged["val_accuracy"] <= 1
    assert 0 <= judged["val_recall4"] <= 1
    assert trainer.elapsed >= trained["seconds"]


def test_the_same_seed_gives_the_same_weights(make):
    first, again, other = make(seed=1), make(seed=1), make(seed=2)
    for trainer in (first, again, other):
        trainer.train_epoch(bar())
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


def test_a_restored_run_continues_as_if_it_had_not_stopped(make):
    whole = make(epochs=2)
    whole.train_epoch(bar())
    stopped = copy.deepcopy(whole.state())
    expected = whole.train_epoch(bar())
    later = make(epochs=2)
    later.restore(stopped)
    found = later.train_epoch(bar())
    assert found["train_loss"] == expected["train_loss"]
    assert torch.equal(weights(later), weights(whole))


@pytest.mark.parametrize("steps", [0, 1, None])
def test_an_epoch_stopped_between_steps_ends_like_an_uninterrupted_one(make, steps):
    whole = make(epochs=2)
    expected = whole.train_epoch(bar())
    stopped, asked = make(epochs=2), iter([False] * (whole.input.steps_per_epoch if steps is None else steps) + [True])
    assert stopped.train_epoch(bar(), lambda: next(asked)) is None
    assert stopped.steps_done == (whole.input.steps_per_epoch if steps is None else steps)
    later = make(epochs=2)
    later.restore(copy.deepcopy(stopped.state()))
    found = later.train_epoch(bar())
    assert [found[name] for name in ("epoch", "lr", "side", "train_loss")] == [
        expected[name] for name in ("epoch", "lr", "side", "train_loss")
    ]
    assert torch.equal(weights(later), weights(whole))


def test_the_weights_do_not_depend_on_where_the_photos_are_stored(make):
    streamed, there = make(), make()
    there.input.feed = make_feed(there.dataset.photos, there.input.rows, CPU, lambda device: (2**40, 2**40))
    assert type(there.input.feed) is not type(streamed.input.feed)
    for trainer in (streamed, there):
        trainer.train_epoch(bar())
    assert torch.equal(weights(streamed), weights(there))


def test_balance_weights_the_categories_in_the_loss(make):
    plain, balanced = make(), make(balance=1.0)
    counts = np.bincount(plain.dataset.category[plain.input.rows])
    assert torch.all(plain.loss.category_weights == 1)
    total = balanced.loss.category_weights.numpy()[counts > 0] * counts[counts > 0]
    assert total == pytest.approx(np.full(len(total), len(plain.input.rows) / len(total)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU to wait for")
@pytest.mark.parametrize("free", [2**40, 0])
def test_a_step_does_not_synchronise_with_the_gpu(small_dataset, fit_settings, free):
    device = torch.device("cuda")
    trainer = Trainer(small_dataset, fit_settings.changed(erasing=0.5, balance=0.5), device)
    trainer.input.feed = make_feed(small_dataset.photos, trainer.input.rows, device, lambda device: (free, free))
    asked = iter([False] * 3 + [True])
    torch.cuda.set_sync_debug_mode("error")
    try:
        assert trainer.train_epoch(bar(), lambda: next(asked)) is None
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert trainer.steps_done == 3


def test_fewer_than_two_photos_per_process_are_refused(small_dataset, fit_settings):
    with pytest.raises(DataError, match="a batch has 16 photos, fewer than two for each of 9 processes"):
        Trainer(small_dataset, fit_settings, CPU, World(0, 9))


def test_an_exhausted_time_budget_ends_the_run_within_an_epoch(make):
    trainer = make(epochs=50, seconds=1e-6)
    figures = trainer.train_epoch(bar())
    assert trainer.progress() == 1
    assert figures["photos_per_s"] * figures["seconds"] < len(trainer.input.rows)


def test_frozen_stages_keep_their_weights(make):
    trainer = make(freeze="layer3", ema=0.0)
    before = {key: value.clone() for key, value in trainer.model.state_dict().items()}
    trainer.train_epoch(bar())
    changed = {
        key.split(".")[1] for key, value in trainer.model.state_dict().items() if not torch.equal(value, before[key])
    }
    assert changed == {"layer4", "neck", "weight", "bias"}  # the stages after it, and the heads


def test_a_loss_that_is_not_finite_is_an_error_with_epoch_and_batch(make):
    trainer = make(epochs=1, lr=1e30, optimiser="sgd", warmup=0.0)
    with pytest.raises(DivergedError, match=r"the loss is (nan|inf) in epoch 1, batch \d+; try a lower learning rate"):
        trainer.train_epoch(bar())


def test_a_dataset_without_training_photos_is_refused(small_dataset, fit_settings):
    empty = dataclasses.replace(small_dataset, split=np.full_like(small_dataset.split, 2))
    with pytest.raises(DataError, match="has 0 training photos; training needs at least 2"):
        Trainer(empty, fit_settings, CPU)
