"""Schedules of the learning rate and of the photos' size: pure functions of how far a run has come."""

import math

from lambda_app.errors import SettingsError

SCHEDULES = ("cosine", "flat", "waves")
# Of "waves", as in the published study: three periods a run, and a lowest rate of 1e-6 where the highest is 0.015.
_WAVES = 3
_LOWEST = 1e-6 / 0.015
# Of a run with smaller photos at first. What comes after lets the network settle on the size that it is used with.
_SMALL_UNTIL = 0.6
# Small sides are multiples of it: a network halves its photos some five times, and rounds up.
_SIDE_STEP = 4


def learning_rate(progress: float, *, peak: float, schedule: str, warmup: float) -> float:
    """The learning rate at a point of a run.

    Args:
        progress: share of the run done, in [0, 1]: of its steps, or of its time budget where that is further on.
        peak: highest learning rate.
        schedule: "flat" stays at the peak, "cosine" falls from it to zero along half a period
            (Loshchilov and Hutter 2017, equation 5, without restarts), "waves" falls and climbs along three whole
            periods, and so ends at the peak: torch's CosineAnnealingLR with a T_max of a sixth of the run.
        warmup: share of the run that climbs linearly to the peak.

    Raises:
        SettingsError: an unknown schedule.
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
    raise SettingsError(f"no schedule {schedule!r}; there are {', '.join(SCHEDULES)}")


def photo_side(progress: float, *, size: int, small: float) -> int:
    """The side of the training photos at a point of a run, in pixels.

    Smaller photos at first cost the square of their side in time, and what is learned of them holds for larger ones
    (Howard et al. 2018 for DAWNBench; Tan and Le 2021, "EfficientNetV2", section 4).

    Args:
        progress: share of the run done, in [0, 1].
        size: full side.
        small: side in the first part of the run, over `size`.
    """
    if progress >= _SMALL_UNTIL or small >= 1:
        return size
    return min(size, max(_SIDE_STEP, round(size * small / _SIDE_STEP) * _SIDE_STEP))


def run_progress(step: int, steps: int, elapsed: float, budget: float) -> float:
    """Share of a run that is done: of its steps, or of its time where that is further on.

    Args:
        step: optimiser steps done.
        steps: steps of the whole run.
        elapsed, budget: seconds; a budget of 0 is none.
    """
    by_steps = step / steps if steps else 1.0
    by_time = elapsed / budget if budget > 0 else 0.0
    return min(1.0, max(by_steps, by_time))
