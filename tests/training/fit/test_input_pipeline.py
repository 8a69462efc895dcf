import numpy as np
import pytest
import torch

from training.fit.input.sampler import view_sources
from training.fit.input_pipeline import InputPipeline, derive_seed, make_generator
from training.pipeline.world import SINGLE_PROCESS, World

CPU = torch.device("cpu")


@pytest.fixture
def make(small_dataset, fit_settings):
    """The input of a training on the tiny dataset, with some settings changed."""

    def pipeline(world=SINGLE_PROCESS, **changes):
        return InputPipeline(small_dataset, fit_settings.changed(**changes), CPU, world)

    return pipeline


def images(pipeline, step=(0, 0), epoch=0):
    """The images of one batch."""
    batch = pipeline.batches(epoch)[0]
    own = batch[pipeline.world.shard(len(batch))]
    return pipeline.images(batch, next(pipeline.feed.batches([own])), step, 1.0)


def test_a_seed_is_derived_from_its_numbers_and_differs_for_others():
    assert derive_seed(1, 2, 3) == derive_seed(1, 2, 3)
    assert len({derive_seed(0, epoch, step) for epoch in range(10) for step in range(10)}) == 100


def test_a_generator_depends_only_on_its_numbers():
    assert make_generator(0, 1).random() == make_generator(0, 1).random() != make_generator(1, 0).random()


def test_without_views_batches_and_images_hold_every_photo_once(make):
    plain = make(altered=0.0)
    for batch in plain.batches(0):
        assert len(set(batch.tolist())) == len(batch)


def test_views_show_their_photos_altered_and_photos_are_as_without_views(make):
    """Rotation, zoom and colour are off, so a photo of the batch is at most mirrored."""
    settings = {"rotation": 0.0, "crop": 0.0, "colour": 0.0}
    pipeline, plain = (make(altered=share, **settings) for share in (0.5, 0.0))
    batch = pipeline.batches(0)[0]
    views = view_sources(batch) != np.arange(len(batch))
    assert 0 < views.sum() < len(batch) / 2
    found, before = images(pipeline), images(plain)
    assert torch.equal(found[torch.from_numpy(~views)], before[torch.from_numpy(~views)])
    source = found[torch.from_numpy(view_sources(batch))]
    assert any(not torch.equal(found[view], source[view]) for view in np.flatnonzero(views))


def test_the_labels_of_a_view_are_those_of_its_photo(make):
    pipeline = make(altered=1.0)
    batch = pipeline.batches(0)[0]
    for labels in pipeline.labels(batch):
        assert torch.equal(labels[1::2], labels[0::2])


def test_batches_and_views_depend_only_on_seed_epoch_and_step(make):
    first, again, other = (make(altered=0.5, seed=seed) for seed in (1, 1, 2))
    images(first, (4, 4), 1)  # what came before does not matter
    assert np.array_equal(first.batches(2)[0], again.batches(2)[0])
    assert not np.array_equal(first.batches(2)[0], other.batches(2)[0])
    assert not np.array_equal(first.batches(2)[0], first.batches(3)[0])
    assert torch.equal(images(first, (2, 1), 2), images(again, (2, 1), 2))
    assert not torch.equal(images(first, (2, 1), 2), images(first, (2, 2), 2))


@pytest.mark.parametrize("size", [2, 3])
def test_several_processes_see_the_images_that_one_sees(make, size):
    whole = images(make(altered=0.6))
    parts = [images(make(World(rank, size), altered=0.6)) for rank in range(size)]
    torch.testing.assert_close(torch.cat(parts), whole)
