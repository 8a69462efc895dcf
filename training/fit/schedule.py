"""Schedules of learning rate and photo size: pure functions of the progress of a run."""

import math

from lambda_app.errors import SettingsError

SCHEDULES = ("cosine", "flat", "waves")
# For "waves", as in the published study: three periods per run, with a minimum of 1e-6 for a maximum of 0.015.
_WAVES = 3
_LOWEST = 1e-6 / 0.015
# With fewer steps, a network hardly learns; most of them are warm-up or the first steps after it.
_FEW_STEPS = 20
# A run with smaller photos uses them up to this progress. The rest of the run adapts the network to the full size.
_SMALL_UNTIL = 0.6
# Smaller sides are multiples of this. Networks halve the side about five times and round up.
_SIDE_STEP = 4


def learning_rate(progress: float, *, peak: float, schedule: str, warmup: float) -> float:
    """The learning rate at a given progress of the run.

    Args:
        progress: share of the run that is done, in [0, 1]: of its steps or of its time budget, whichever is larger.
        peak: highest learning rate.
        schedule: "flat": constant at the peak; "cosine": from the peak to zero in half a cosine period (Loshchilov and
            Hutter 2017, equation 5, without restarts); "waves": three full cosine periods, which start and end at the
            peak, like torch's CosineAnnealingLR with T_max of one sixth of the run.
        warmup: share of the run with linear warm-up to the peak.

    Raises:
        SettingsError: unknown schedule.
    """
    if progress < warmup or warmup >= 1:
        return peak * progress / warmup
    if schedule == "flat":
        return peak
    rest = (min(progress, 1.0) - warmup) / (1.0 - warmup)
    if schedule == "cosine":
        return peak * 0.5 * (1.0 + math.cos(math.pi * rest))
    if schedule == "waves":
        height = 0.5 * (1.0 + math.cos(2.0 * math.pi * _WAVES * rest))
        return peak * (_LOWEST + (1.0 - _LOWEST) * height)
    raise SettingsError(f"unknown schedule {schedule!r}; the schedules are {', '.join(SCHEDULES)}")


def few_steps(steps: int, *, peak: float, schedule: str, warmup: float, budget: float = 0.0) -> str | None:
    """What to know of a run that has too few steps to learn much, in one or two sentences; None if it has enough.

    Args:
        steps: number of steps of the whole run.
        peak, schedule, warmup: see `learning_rate`.
        budget: time limit in seconds, by which the learning rate may rise earlier; 0: none.
    """
    if not 0 < steps < _FEW_STEPS:
        return None
    rates = [learning_rate(step / steps, peak=peak, schedule=schedule, warmup=warmup) for step in range(steps)]
    more = "More epochs or a smaller batch give more steps."
    number = "1 step" if steps == 1 else f"{steps} steps"
    if peak > 0 and budget == 0 and not any(rates):
        return f"Fine-tuning has {number}, and the warm-up keeps the learning rate at 0: it trains nothing. {more}"
    return f"Fine-tuning has only {number}, so it trains little. {more}"


def photo_side(progress: float, *, size: int, small: float) -> int:
    """The side of the training photos in pixels at a given progress of the run.

    The time of a step is proportional to the square of the side, so smaller photos in the first part of the run are
    faster, and what the network learns from them transfers to the full size (Howard et al. 2018 for DAWNBench; Tan and
    Le 2021, "EfficientNetV2", section 4).

    Args:
        progress: share of the run that is done, in [0, 1].
        size: full side in pixels.
        small: side in the first part of the run, as a share of `size`.
    """
    if progress >= _SMALL_UNTIL or small >= 1:
        return size
    return min(size, max(_SIDE_STEP, round(size * small / _SIDE_STEP) * _SIDE_STEP))


def run_progress(step: int, steps: int, elapsed: float, budget: float) -> float:
    """Share of a run that is done, in [0, 1]: of its steps or of its time budget, whichever is larger.

    Args:
        step: number of finished optimiser steps.
        steps: number of steps of the whole run.
        elapsed, budget: seconds; a budget of 0 means no time limit.
    """
    by_steps = step / steps if steps else 1.0
    by_time = elapsed / budget if budget > 0 else 0.0
    return min(1.0, max(by_steps, by_time))
