import pytest
import torch

from lambda_app.errors import SettingsError
from training.fit.schedule import few_steps, learning_rate, photo_side, run_progress


def test_warmup_rises_linearly_to_the_peak():
    rates = [learning_rate(x, peak=2.0, schedule="cosine", warmup=0.2) for x in (0.0, 0.05, 0.1, 0.2)]
    assert rates == pytest.approx([0.0, 0.5, 1.0, 2.0])


def test_cosine_falls_to_zero_in_half_a_period():
    rates = [learning_rate(x, peak=1.0, schedule="cosine", warmup=0.0) for x in (0.0, 0.5, 1.0)]
    assert rates == pytest.approx([1.0, 0.5, 0.0])


def test_flat_stays_at_the_peak_after_warmup():
    assert {learning_rate(x, peak=0.3, schedule="flat", warmup=0.1) for x in (0.1, 0.5, 1.0)} == {0.3}


def test_waves_match_the_cosine_schedule_of_the_published_study():
    """The schedule of torch over the study's 300 epochs: down in 50, up in 50, three times."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.015)
    annealing = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=50, eta_min=1e-6)
    expected = []
    for _ in range(301):
        expected.append(annealing.get_last_lr()[0])
        optimiser.step()
        annealing.step()
    rates = [learning_rate(epoch / 300, peak=0.015, schedule="waves", warmup=0.0) for epoch in range(301)]
    assert rates == pytest.approx(expected, abs=1e-9)
    assert rates[50] == pytest.approx(1e-6)


def test_a_run_that_is_all_warmup_ends_at_the_peak():
    assert learning_rate(1.0, peak=0.3, schedule="cosine", warmup=1.0) == pytest.approx(0.3)


def test_an_unknown_schedule_is_refused():
    with pytest.raises(SettingsError, match=r"unknown schedule 'step'; the schedules are cosine, flat, waves"):
        learning_rate(0.5, peak=1.0, schedule="step", warmup=0.0)


@pytest.mark.parametrize(
    ("step", "elapsed", "budget", "expected"),
    [
        (30, 0.0, 0.0, 0.3),  # no time budget
        (30, 50.0, 100.0, 0.5),  # the time has progressed further
        (30, 10.0, 100.0, 0.3),  # the steps have progressed further
        (100, 0.0, 0.0, 1.0),
        (30, 500.0, 100.0, 1.0),  # at most 1
    ],
)
def test_progress_is_the_larger_of_steps_and_time(step, elapsed, budget, expected):
    assert run_progress(step, 100, elapsed, budget) == pytest.approx(expected)


def test_a_run_without_steps_is_complete():
    assert run_progress(0, 0, 0.0, 0.0) == 1.0


def test_photos_are_small_for_most_of_a_run_and_full_size_for_the_rest():
    assert [photo_side(x, size=224, small=0.75) for x in (0.0, 0.59, 0.6, 1.0)] == [168, 168, 224, 224]


@pytest.mark.parametrize(
    ("size", "small", "side"),
    [(64, 0.75, 48), (64, 1.0, 64), (100, 1.0, 100), (100, 0.5, 48), (32, 0.25, 8), (9, 0.9, 8)],
)
def test_a_small_side_is_a_multiple_of_four_and_no_larger_than_the_full_one(size, small, side):
    assert photo_side(0.0, size=size, small=small) == side


@pytest.mark.parametrize(
    ("steps", "warmup", "budget", "told"),
    [
        (1, 0.05, 0.0, "Fine-tuning has 1 step, and the warm-up keeps the learning rate at 0: it trains nothing."),
        (1, 0.05, 60.0, "Fine-tuning has only 1 step, so it trains little."),
        (1, 0.0, 0.0, "Fine-tuning has only 1 step, so it trains little."),
        (19, 0.05, 0.0, "Fine-tuning has only 19 steps, so it trains little."),
    ],
)
def test_a_run_of_few_steps_says_so(steps, warmup, budget, told):
    found = few_steps(steps, peak=0.1, schedule="flat", warmup=warmup, budget=budget)
    assert found == f"{told} More epochs or a smaller batch give more steps."


@pytest.mark.parametrize("steps", [0, 20, 1_000])
def test_a_run_without_training_or_of_many_steps_says_nothing(steps):
    assert few_steps(steps, peak=0.1, schedule="flat", warmup=0.05) is None
