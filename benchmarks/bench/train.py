"""Speed of training, and whether its input pipeline keeps up: a dataset compared with one fixed batch.

python -m benchmarks.bench.train --device cuda --photos 20000 --batch 256
"""

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from benchmarks.figures import machine, table
from benchmarks.figures.table import Goal, Report, Row, spread
from lambda_app.photo.rules import Preprocessing
from training.dataset import PHOTOS, Dataset
from training.fit.input.feed import StreamedPhotos
from training.fit.settings import DEFAULT, Execution, FitSettings
from training.fit.trainer import Trainer
from training.pipeline.progress import track
from training.pipeline.world import SINGLE_PROCESS

CATEGORIES = 13
# Epochs times training photos of the published run, and the limit in minutes for them on an H100.
PUBLISHED_PHOTOS = 2_100_000
_FULL, _FROZEN = Goal("at most", 12), Goal("at most", 6)
_FED = Goal("at least", 0.95, of="ratio")


@dataclass(frozen=True)
class Plan:
    """The settings of a measurement.

    Attributes:
        device: the device that trains.
        photos: photos in the dataset, and so per epoch.
        batch: photos per step.
        rounds: epochs; after each, as many steps on the fixed batch.
        size: side of the photos in pixels.
    """

    device: torch.device
    photos: int
    batch: int
    rounds: int
    size: int = 224
    backbone: str = "resnet50"


@dataclass(frozen=True)
class Rates:
    """Photos per second of each round.

    Attributes:
        fed: a whole epoch of the trainer, from the photo cache to the averaged weights.
        fixed: the same steps on one batch that is already on the device in the input format of the network.
    """

    fed: Sequence[float]
    fixed: Sequence[float]


def run(quick: bool) -> Report:
    """Measure on the GPU if there is one, else on the processor."""
    if torch.cuda.is_available():
        photos, rounds = (5_000, 1) if quick else (20_000, 3)
        return report(Plan(torch.device("cuda"), photos, batch=256, rounds=rounds))
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    return report(Plan(torch.device("cpu"), photos=8, batch=8, rounds=3 if quick else 9))


def report(plan: Plan) -> Report:
    """Measure full fine-tuning and training with frozen stages; on a GPU also the effect of each optimisation."""
    gpu = plan.device.type == "cuda"
    with TemporaryDirectory() as folder:
        dataset = noise_dataset(Path(folder), plan.photos, plan.size)
        full, frozen = (measure(dataset, plan, last) for last in track(("none", "layer3"), 2, "train", "run"))
        rows = [*_rows("full fine-tuning", full, _FULL, gpu), *_rows("frozen up to layer3", frozen, _FROZEN, gpu)]
        if gpu:
            rows += _gpu_rows(dataset, plan, full)
    return Report(rows, _notes(plan))


def noise_dataset(folder: Path, photos: int, size: int) -> Dataset:
    """A dataset of random pixels, two photos per product. The time of a step does not depend on the pixels."""
    rng = np.random.default_rng(0)
    cache = np.lib.format.open_memmap(folder / PHOTOS, "w+", np.uint8, (photos, size, size, 3))
    for start in range(0, photos, 1_000):
        cache[start : start + 1_000] = rng.integers(0, 256, cache[start : start + 1_000].shape, np.uint8)
    cache.flush()
    products = np.arange(photos) // 2
    return Dataset(
        path=folder,
        photos=np.load(folder / PHOTOS, mmap_mode="r"),
        category=products % CATEGORIES,
        product=products,
        split=np.zeros(photos, np.uint8),
        categories=tuple(f"category {number}" for number in range(CATEGORIES)),
        preprocessing=Preprocessing(size=size),
        digest="",
        training_digest="",
        layout="listings",
        summary={},
    )


def measure(
    dataset: Dataset, plan: Plan, freeze: str = "none", execution: Execution = DEFAULT, streamed: bool = False
) -> Rates:
    """Alternate epochs and steps on the fixed batch, so that other work on the machine affects both.

    Args:
        freeze: the last frozen stage.
        streamed: whether photos stay in the memory-mapped cache even if the device has room for them.
    """
    settings = FitSettings(
        backbone=plan.backbone, weights="none", freeze=freeze, batch=plan.batch, epochs=plan.rounds + 1
    )
    trainer = Trainer(dataset, settings, plan.device, SINGLE_PROCESS, execution)
    if streamed:
        trainer.input.feed = StreamedPhotos(dataset.photos, trainer.input.rows, plan.device)
    batch = _fixed_batch(trainer, plan)
    steps = trainer.input.steps_per_epoch
    on_fixed_batch(trainer, batch, 1)
    if plan.device.type == "cuda":  # exclude the first epoch, which selects kernels and compiles
        trainer.train_epoch(repeat(None))
    fed, fixed = [], []
    for _ in range(plan.rounds):
        fed.append(_rate(trainer))
        fixed.append(on_fixed_batch(trainer, batch, steps))
    return Rates(fed, fixed)


def on_fixed_batch(trainer: Trainer, batch: tuple[Tensor, Tensor, Tensor], steps: int) -> float:
    """Photos per second of so many steps on a fixed batch (images, categories, identities)."""
    trainer.model.train()
    begun = time.perf_counter()
    losses = [trainer.learn(*batch) for _ in range(steps)]
    float(losses[-1])  # wait for the device
    return steps * len(batch[0]) / (time.perf_counter() - begun)


def _rate(trainer: Trainer) -> float:
    figures = trainer.train_epoch(repeat(None))
    if figures is None:
        raise RuntimeError("an epoch ended early although nothing stopped it")
    return float(figures["photos_per_s"])


def _fixed_batch(trainer: Trainer, plan: Plan) -> tuple[Tensor, Tensor, Tensor]:
    count = min(plan.batch, plan.photos)
    images = torch.randn((count, 3, plan.size, plan.size)).contiguous(memory_format=torch.channels_last)
    categories = torch.from_numpy(trainer.dataset.category[:count])
    identities = torch.from_numpy(trainer.input.identities.labels[:count])
    return images.to(plan.device), categories.to(plan.device), identities.to(plan.device)


def _rows(name: str, rates: Rates, minutes: Goal, gpu: bool) -> Iterator[Row]:
    yield Row(f"{name}: photos a second, beside a fixed batch", spread(rates.fed), spread(rates.fixed), _FED)
    needed = spread(PUBLISHED_PHOTOS / rate / 60 for rate in rates.fed)
    yield Row(f"  minutes for {PUBLISHED_PHOTOS:,} photos", needed, goal=minutes if gpu else None)


def _gpu_rows(dataset: Dataset, plan: Plan, full: Rates) -> Iterator[Row]:
    float32 = measure(dataset, plan, execution=Execution(bfloat16=False))
    yield Row("full fine-tuning: photos a second, bfloat16 beside float32", spread(full.fed), spread(float32.fed))
    compiled = measure(dataset, plan, execution=Execution(compile=True))
    yield Row("full fine-tuning: photos a second, compiled beside not", spread(compiled.fed), spread(full.fed))
    streamed = measure(dataset, plan, "layer3", streamed=True)
    measured = "frozen, photos streamed: photos a second, beside a fixed batch"
    yield Row(measured, spread(streamed.fed), spread(streamed.fixed), _FED)


def _notes(plan: Plan) -> Sequence[str]:
    what = f"{plan.backbone} at {plan.size}, batch {plan.batch}, {plan.photos:,} photos per epoch"
    if plan.device.type == "cuda":
        name = torch.cuda.get_device_name(plan.device)
        return [f"{name}, CUDA {torch.version.cuda}; {what}", "float32: convolutions use TF32, the default of torch"]
    return [f"processor, {torch.get_num_threads()} threads, float32; {what}", "the minutes have goals only on a GPU"]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench.train", description=__doc__.partition("\n")[0])
    parser.add_argument("--device", type=torch.device, default=SINGLE_PROCESS.device, help="default: %(default)s")
    parser.add_argument("--photos", type=int, default=20_000, help="photos in the dataset (default %(default)s)")
    parser.add_argument("--batch", type=int, default=256, help="photos per step (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="measured epochs (default %(default)s)")
    args = parser.parse_args()
    print(*machine.lines(machine.describe()), sep="\n")
    found = report(Plan(args.device, args.photos, args.batch, args.rounds))
    print("", *table.lines("train", found), sep="\n")


if __name__ == "__main__":
    main()
