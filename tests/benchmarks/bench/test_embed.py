"""Tests of `benchmarks.bench.embed`."""

import pytest

from benchmarks.bench.embed import measure
from lambda_app.model.session import Model
from sample.generate import generate
from training.dataset import Dataset
from training.prepare.settings import PrepareSettings
from training.prepare.stage import prepare

pytestmark = pytest.mark.slow


def test_embedding_is_compared_with_the_model_alone(release, tmp_path):
    generate(tmp_path / "catalogue", photos=60, workers=1)
    prepare(tmp_path / "catalogue", tmp_path / "dataset", PrepareSettings(size=32))
    model = Model(release.folder / release.manifest.model.file, threads=1)
    clock, processor = measure(model, Dataset.open(tmp_path / "dataset"), rounds=2)
    assert clock.baseline is not None
    assert clock.ours.n == clock.baseline.n == 2
    assert str(clock.goal) == ">= 0.950 x"
    assert processor.ours.median > 0
    assert processor.goal is None
