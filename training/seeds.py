"""Seeds out of numbers, so that what is drawn hangs on where a run is and not on what was drawn before."""

import numpy as np


def seed_of(*parts: int) -> int:
    """One seed out of several numbers, such as (seed, epoch, step): neighbouring steps draw unrelated numbers."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def generator_of(*parts: int) -> np.random.Generator:
    """A generator of its own for these numbers, such as (seed, epoch)."""
    return np.random.default_rng(np.random.SeedSequence(parts))
