"""Tests of `benchmarks.bench.prepare`."""

import pytest

from benchmarks.bench.prepare import prepare
from sample.generate import generate

pytestmark = pytest.mark.slow


def test_preparation_is_timed_in_a_separate_process(tmp_path):
    generate(tmp_path / "catalogue", photos=60, workers=1)
    found = prepare(tmp_path / "catalogue", 60)
    assert found.photos == 60
    assert found.seconds > 0
    assert 20e6 < found.peak < 2e9
