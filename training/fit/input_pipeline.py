"""Input pipeline of training: which photos are in a batch, and how they are augmented."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.dataset import Dataset
from training.errors import DataError
from training.fit.input.augmentation import Augmentation, Changes, apply_changes, draw_changes
from training.fit.input.feed import make_feed
from training.fit.input.identities import identity_labels
from training.fit.input.sampler import (
    batches_per_epoch,
    first_with_same_label,
    pair_batches,
    view_sources,
    with_views,
)
from training.fit.input.shopper import draw_alterations
from training.fit.schedule import photo_side
from training.fit.settings import FitSettings
from training.network.input import copy_to_device, normalise, to_unit
from training.pipeline.world import World


class InputPipeline:
    """The training split as batches on the device.

    Random draws (batches and augmentation) depend only on seed, epoch and step, not on earlier steps. They are made for
    the whole batch, so they do not depend on the number of processes.

    Attributes:
        rows: dataset rows of the training split, int64 (n,).
        identities: labels of these rows for the metric loss.
        feed: source of their photos; benchmarks and tests may replace it.

    Raises:
        DataError: the split has too few photos, or the batch is too small for the number of processes.
    """

    def __init__(self, dataset: Dataset, settings: FitSettings, device: torch.device, world: World) -> None:
        self.dataset, self.settings, self.device, self.world = dataset, settings, device, world
        self.rows = dataset.rows("train")
        _check_enough(len(self.rows), settings.batch, world, dataset)
        self.identities = identity_labels(dataset.product[self.rows], dataset.category[self.rows])
        self.feed = make_feed(dataset.photos, self.rows, device)
        self._augmentation = Augmentation(settings.rotation, settings.crop, settings.colour, settings.erasing)
        self._categories = dataset.category[self.rows]

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in an epoch."""
        return batches_per_epoch(len(self.rows), self.settings.batch)

    def batches(self, epoch: int) -> list[npt.NDArray[np.int64]]:
        """The batches of an epoch (from 0), as positions in the training split: `pair_batches`, `with_views`."""
        rng = make_generator(self.settings.seed, epoch)
        categories = self._categories if self.identities.kind == "product" else None
        batches = pair_batches(self.identities.labels, self.settings.batch, rng, categories)
        return [with_views(batch, self.settings.altered, rng) for batch in batches]

    def side(self, progress: float) -> int:
        """The side of the images in pixels at this progress of the run: see `photo_side`."""
        return photo_side(progress, size=self.dataset.preprocessing.size, small=self.settings.small)

    def images(self, batch: npt.NDArray[np.int64], photos: Tensor, step: tuple[int, int], progress: float) -> Tensor:
        """The network's input for this process's shard of a batch: augmented, resized and normalised.

        Args:
            batch: positions of the whole batch.
            photos: uint8 (own, size, size, 3), the photos of this process's shard, on the device.
            step: epoch and step within the epoch, both from 0.
            progress: share of the run that is done, in [0, 1]; the side of the images depends on it.

        Returns:
            float32 (own, 3, side, side), in channels-last memory format.
        """
        changes = self._changes(batch, step).of(self.world.shard(len(batch)))
        unit = apply_changes(to_unit(photos), changes, self.side(progress))
        return normalise(unit, self.dataset.preprocessing).contiguous(memory_format=torch.channels_last)

    def alike(self, batch: npt.NDArray[np.int64], step: tuple[int, int]) -> Tensor:
        """Whether each photo of the whole batch shows the product of its original, bool (n,), on the device.

        Not if it is mirrored or recoloured, or an altered view.
        """
        original = torch.from_numpy(view_sources(batch) == np.arange(len(batch)))
        return copy_to_device(self._changes(batch, step).alike & original, self.device)

    def labels(self, batch: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Category and identity labels of the whole batch, both int64 (n,), on the device."""
        categories = torch.from_numpy(self._categories[batch])
        identities = torch.from_numpy(self.identities.labels[batch])
        return copy_to_device(categories, self.device), copy_to_device(identities, self.device)

    def _changes(self, batch: npt.NDArray[np.int64], step: tuple[int, int]) -> Changes:
        """The random changes of the whole batch. A view has those of its photo, after its alterations."""
        labels = self.identities.labels[batch]
        same_as = torch.from_numpy(first_with_same_label(labels)) if self.identities.kind == "product" else None
        drawn = torch.Generator().manual_seed(derive_seed(self.settings.seed, *step))
        changes = draw_changes(len(batch), self._augmentation, drawn, same_as)
        if self.settings.altered == 0:
            return changes
        sources = torch.from_numpy(view_sources(batch))
        alterations = draw_alterations(sources != torch.arange(len(batch)), drawn)
        return changes.rows(sources).altered(alterations)


def derive_seed(*parts: int) -> int:
    """One seed from several numbers, such as (seed, epoch, step). Seeds of neighbouring steps are independent."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def make_generator(*parts: int) -> np.random.Generator:
    """A random generator that is seeded by several numbers, such as (seed, epoch)."""
    return np.random.default_rng(np.random.SeedSequence(parts))


def _check_enough(photos: int, batch: int, world: World, dataset: Dataset) -> None:
    """Check that every process gets two photos of each batch: batch-norm needs two for a variance."""
    if photos < 2:
        raise DataError(f"{dataset.path} has {photos} training photos; training needs at least 2")
    if min(photos, batch) < 2 * world.size:
        raise DataError(
            f"a batch has {min(photos, batch)} photos, fewer than two for each of {world.size} processes; "
            "start fewer processes or increase --batch"
        )
