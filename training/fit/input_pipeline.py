"""What training feeds the network: which photos stand in a batch, and how a step shows them."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.dataset import Dataset
from training.errors import DataError
from training.fit.input.augmentation import Augmentation, change, draw_changes
from training.fit.input.feed import feed_of
from training.fit.input.identities import identity_labels
from training.fit.input.sampler import batches_per_epoch, first_of_each, pair_batches
from training.fit.schedule import photo_side
from training.fit.settings import FitSettings
from training.network.input import copy_to_device, normalise, to_unit
from training.pipeline.world import World


class InputPipeline:
    """The training split as batches on the device.

    All that is drawn, batches and augmentation alike, is a function of the seed, the epoch and the step, and is that of
    the whole batch however many processes share it.

    Attributes:
        rows: of the training split, int64 (n,).
        identities: what the metric term pulls together, of these rows.
        feed: their photos; whoever measures may put another in its place.

    Raises:
        DataError: too few photos, of the split or of a batch.
    """

    def __init__(self, dataset: Dataset, settings: FitSettings, device: torch.device, world: World) -> None:
        self.dataset, self.settings, self.device, self.world = dataset, settings, device, world
        self.rows = dataset.rows("train")
        _check_enough(len(self.rows), settings.batch, world, dataset)
        self.identities = identity_labels(dataset.product[self.rows], dataset.category[self.rows])
        self.feed = feed_of(dataset.photos, self.rows, device)
        self._augmentation = Augmentation(settings.rotation, settings.crop, settings.colour, settings.erasing)
        self._categories = dataset.category[self.rows]

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return batches_per_epoch(len(self.rows), self.settings.batch)

    def batches(self, epoch: int) -> list[npt.NDArray[np.int64]]:
        """The batches of an epoch (from 0), each as positions into the training split: see `pair_batches`."""
        rng = generator_of(self.settings.seed, epoch)
        categories = self._categories if self.identities.kind == "product" else None
        return pair_batches(self.identities.labels, self.settings.batch, rng, categories)

    def side(self, progress: float) -> int:
        """The side of the images, in pixels, where so much of the run lies behind: see `photo_side`."""
        return photo_side(progress, size=self.dataset.preprocessing.size, small=self.settings.small)

    def images(self, batch: npt.NDArray[np.int64], photos: Tensor, step: tuple[int, int], progress: float) -> Tensor:
        """This process's share of a batch as the network takes it: moved, recoloured, covered, scaled, normalised.

        Args:
            batch: positions of the whole batch.
            photos: uint8 (own, size, size, 3), of this process's share, on the device.
            step: epoch and step within it, both from 0.
            progress: share of the run that lies behind; hangs the side of the images on it.

        Returns:
            float32 (own, 3, side, side), channels last.
        """
        labels = self.identities.labels[batch]
        twins = torch.from_numpy(first_of_each(labels)) if self.identities.kind == "product" else None
        drawn = torch.Generator().manual_seed(seed_of(self.settings.seed, *step))
        changes = draw_changes(len(batch), self._augmentation, drawn, twins).of(self.world.shard(len(batch)))
        unit = change(to_unit(photos), changes, self.side(progress))
        return normalise(unit, self.dataset.preprocessing).contiguous(memory_format=torch.channels_last)

    def labels(self, batch: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Categories and identities of a whole batch, both int64 (n,), on the device."""
        categories = torch.from_numpy(self._categories[batch])
        identities = torch.from_numpy(self.identities.labels[batch])
        return copy_to_device(categories, self.device), copy_to_device(identities, self.device)


def seed_of(*parts: int) -> int:
    """One seed out of several numbers, such as (seed, epoch, step): neighbouring steps draw unrelated numbers."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def generator_of(*parts: int) -> np.random.Generator:
    """A generator of its own for these numbers, such as (seed, epoch)."""
    return np.random.default_rng(np.random.SeedSequence(parts))


def _check_enough(photos: int, batch: int, world: World, dataset: Dataset) -> None:
    """Every process needs two photos of each batch: batch-norm knows no spread of one."""
    if photos < 2:
        raise DataError(f"{dataset.path} has {photos} training photos; 2 are the least to learn from")
    if min(photos, batch) < 2 * world.size:
        raise DataError(
            f"a batch has {min(photos, batch)} photos, less than two for each of {world.size} processes; "
            "start fewer, or raise --batch"
        )
