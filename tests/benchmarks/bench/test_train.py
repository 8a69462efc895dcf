"""Tests of `benchmarks.bench.train`."""

import dataclasses

import pytest
import torch

from benchmarks.bench.train import Plan, measure, noise_dataset, report

PLAN = Plan(torch.device("cpu"), photos=8, batch=4, rounds=1, size=32, backbone="resnet10_half")


@pytest.fixture
def dataset(tmp_path):
    return noise_dataset(tmp_path, PLAN.photos, PLAN.size)


def test_a_dataset_of_noise_has_pairs(dataset):
    assert dataset.photos.shape == (8, 32, 32, 3)
    assert dataset.photos.std() > 50
    assert dataset.product.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len(dataset.rows("train")) == 8


@pytest.mark.parametrize("streamed", [False, True])
def test_the_training_rate_is_measured_with_and_without_the_input_pipeline(dataset, streamed):
    rates = measure(dataset, dataclasses.replace(PLAN, rounds=2), "layer3", streamed=streamed)
    assert len(rates.fed) == len(rates.fixed) == 2
    assert min(*rates.fed, *rates.fixed) > 0


def test_the_report_compares_each_policy_with_a_fixed_batch():
    rows = report(PLAN).rows
    assert [row.baseline is not None for row in rows] == [True, False, True, False]
    assert [str(row.goal) if row.goal else None for row in rows] == [">= 0.950 x", None] * 2
    for fed, minutes in zip(rows[::2], rows[1::2], strict=True):
        assert minutes.ours.median == pytest.approx(2_100_000 / fed.ours.median / 60)
        assert minutes.ours.low <= minutes.ours.median <= minutes.ours.high
