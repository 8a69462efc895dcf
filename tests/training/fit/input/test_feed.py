import logging
from contextlib import closing

import numpy as np
import pytest
import torch

from training.fit.input.feed import DevicePhotos, StreamedPhotos, make_feed
from training.network.input import copy_to_device

CPU = torch.device("cpu")
ROWS = np.array([1, 3, 4, 6, 8, 9])
ORDER = [np.array([5, 0, 2]), np.array([1, 1, 4]), np.array([3, 0, 5])]
PLENTY, NONE = 10**9, 0


@pytest.fixture
def photos(tmp_path):
    """Ten photos of 8 pixels, memory-mapped like those of a dataset."""
    np.save(tmp_path / "photos.npy", np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), np.uint8))
    return np.load(tmp_path / "photos.npy", mmap_mode="r")


@pytest.mark.parametrize(("free", "kind"), [(PLENTY, DevicePhotos), (NONE, StreamedPhotos)])
def test_batches_have_the_photos_of_the_given_positions_in_order(photos, free, kind):
    feed = make_feed(photos, ROWS, CPU, lambda device: (free, free))
    assert isinstance(feed, kind)
    for _ in range(2):  # two epochs
        found = list(feed.batches(iter(ORDER)))
        assert [batch.dtype for batch in found] == [torch.uint8] * 3
        for batch, positions in zip(found, ORDER, strict=True):
            assert np.array_equal(batch.numpy(), photos[ROWS[positions]])


@pytest.mark.parametrize(("total", "kind"), [(1_000, DevicePhotos), (2_000, StreamedPhotos)])
def test_half_of_the_memory_is_reserved_for_the_network(photos, total, kind):
    """6 photos of 192 bytes need 1,152 bytes; half of the total memory must stay free."""
    feed = make_feed(photos, ROWS, CPU, lambda device: (1_152 + 500, total))
    assert isinstance(feed, kind)


def test_photos_are_streamed_if_copying_them_runs_out_of_memory(photos, caplog):
    caplog.set_level(logging.INFO)
    rows = np.broadcast_to(np.int64(0), 2**50)  # an exbibyte of photos
    feed = make_feed(photos, rows, CPU, lambda device: (2**62, 0))
    assert isinstance(feed, StreamedPhotos)
    (line,) = [record.message for record in caplog.records]
    assert line.startswith("fit: the photos do not fit in device memory and are streamed: ")
    (batch,) = feed.batches([np.array([7, 2**49])])
    assert np.array_equal(batch.numpy(), photos[[0, 0]])


def test_training_on_the_cpu_streams_the_photos(photos):
    assert isinstance(make_feed(photos, ROWS, CPU), StreamedPhotos)


def test_only_a_few_batches_are_prefetched(photos):
    asked: list[int] = []

    def order():
        for number in range(100):
            asked.append(number)
            yield ORDER[0]

    with closing(StreamedPhotos(photos, ROWS, CPU).batches(order())) as fed:
        next(fed)
        assert 1 <= len(asked) <= 8
    assert len(asked) <= 8


def test_all_photos_are_copied_to_the_device_in_parts(photos):
    feed = DevicePhotos(torch.empty((5, 8, 8, 3), dtype=torch.uint8), photos, ROWS[:5], chunk=2 * 192)
    (batch,) = feed.batches([np.arange(5)])
    assert np.array_equal(batch.numpy(), photos[ROWS[:5]])


def test_copied_values_are_unchanged():
    values = torch.arange(3.0)
    assert torch.equal(copy_to_device(values, CPU), values)
