"""Learning-rate schedules: pure functions of how far a run has come."""

import math

from lambda_app.errors import SettingsError

SCHEDULES = ("cosine", "flat")


def learning_rate(progress: float, *, peak: float, schedule: str, warmup: float) -> float:
    """The learning rate at a point of a run.

    Args:
        progress: share of the run done, in [0, 1]: of its steps, or of its time budget where that is further on.
        peak: highest learning rate.
        schedule: "flat" stays at the peak, "cosine" falls from it to zero along half a period
            (Loshchilov and Hutter 2017, equation 5, without restarts).
        warmup: share of the run that climbs linearly to the peak.

    Raises:
        SettingsError: an unknown schedule.
    """
    if progress < warmup or warmup >= 1:
        return peak * progress / warmup
    if schedule == "flat":
        return peak
    if schedule == "cosine":
        rest = (min(progress, 1.0) - warmup) / (1.0 - warmup)
        return peak * 0.5 * (1.0 + math.cos(math.pi * rest))
    raise SettingsError(f"no schedule {schedule!r}; there are {', '.join(SCHEDULES)}")


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
