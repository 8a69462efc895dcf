import mmap
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from reliability.soak.load.resources import Sampler, folder_bytes, held, slope

SECONDS = np.arange(0, 900.0)


@pytest.mark.parametrize("growth", [0.0, 40.0, -7.0])
def test_the_interval_of_a_slope_has_the_true_growth(growth: float):
    hits = 0
    for seed in range(40):
        noise = np.random.default_rng(seed).normal(0, 3, len(SECONDS))
        found = slope(SECONDS, 100 + growth * SECONDS / 3600 + noise)
        hits += found.low <= growth <= found.high
    assert hits >= 34  # of 40 at 95 %


def test_a_leak_lies_outside_the_interval_and_noise_does_not():
    noise = np.random.default_rng(0).normal(0, 3, len(SECONDS))
    assert slope(SECONDS, noise).nothing
    assert not slope(SECONDS, SECONDS / 3600 * 60 + noise).nothing
    assert slope(SECONDS, -SECONDS / 3600 * 60 + noise).nothing


def test_a_slope_needs_samples():
    with pytest.raises(ValueError, match="needs at least 3"):
        slope([1, 2], [3, 4])


def test_what_a_process_holds_is_counted(tmp_path: Path):
    before, end = held(os.getpid()), threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    # Not by an array, which may get memory that the process has freed before.
    with (tmp_path / "file").open("w"), mmap.mmap(-1, 20_000_000, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        block.write(b"x" * 20_000_000)
        now = held(os.getpid())
    end.set()
    thread.join()
    assert now.descriptors == before.descriptors + 1
    assert now.threads == before.threads + 1
    assert now.resident - before.resident > 0.8 * 20_000_000


def test_a_sampler_samples_at_least_once():
    with Sampler(os.getpid(), 60) as sampler:
        pass
    assert len(sampler.samples) == 1


def test_the_bytes_of_a_folder_are_those_of_all_files(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(bytes(30))
    (tmp_path / "c").write_bytes(bytes(7))
    assert folder_bytes(tmp_path) == 37
