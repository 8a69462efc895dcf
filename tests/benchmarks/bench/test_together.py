"""Tests of `benchmarks.bench.together`."""

import pytest

from benchmarks.bench.together import measure, new_photos, products_of
from lambda_app.recommendation.recommender import load
from lambda_app.release.manifest import MANIFEST, read_manifest
from lambda_app.settings import Settings
from sample.generate import generate
from sample.plan import Plan
from training.dataset import Dataset
from training.fit.settings import FitSettings
from training.pipeline.work_folder import WorkFolder
from training.prepare.settings import PrepareSettings
from training.settings.train_settings import TrainSettings
from training.train import train

PLAN = Plan(photos=60, seed=0)


@pytest.mark.slow
def test_each_number_of_photos_has_its_figures(tmp_path):
    generate(tmp_path / "catalogue", photos=PLAN.photos, seed=PLAN.seed, workers=1)
    work = WorkFolder(tmp_path / "work")
    fit = FitSettings(backbone="resnet18", weights="none", epochs=0)
    manifest = train(tmp_path / "catalogue", work, TrainSettings(prepare=PrepareSettings(size=32), fit=fit))
    dataset = Dataset.open(work.dataset)
    products = products_of(dataset, PLAN, "test")
    assert len(products) == len(set(dataset.product[dataset.rows("test")]))
    release = load(manifest, lambda entry: work.release / entry.file, Settings(store="unused", threads=1))
    assert read_manifest((work.release / MANIFEST).read_bytes()) == manifest
    figures = measure(release, PLAN, products)
    assert list(figures) == ["cosine", "category"]
    for by_number in figures.values():
        assert list(by_number) == [1, 2, 3, 4]
        for values in by_number.values():
            assert values.pop("search_ms") > 0
            assert set(values) == {"recall@1", "recall@4", "category_precision@10", "accuracy"}
            assert all(0 <= value <= 1 for value in values.values())


def test_new_photos_differ_from_those_of_the_catalogue(tmp_path):
    generate(tmp_path, photos=PLAN.photos, seed=PLAN.seed, workers=1)
    known = {path.read_bytes() for path in (tmp_path / "photos").iterdir()}
    photos = list(new_photos(PLAN, 3, 4))
    assert len({*photos, *known}) == len(known) + 4
    assert photos == list(new_photos(PLAN, 3, 4))
