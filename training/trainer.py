"""A run of training: the network, what moves it, and how far it has come."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training import metrics
from training.augment import Augmentation, augment, normalise, to_unit
from training.dataset import Dataset
from training.errors import DataError, DivergedError
from training.losses import TrainingLoss, identity_labels
from training.model import EmbeddingNet, parameter_groups
from training.outputs import forward_rows
from training.sampler import batches_per_epoch, pair_batches
from training.schedule import SCHEDULES, learning_rate, run_progress
from training.stages import check_settings, setting
from training.weights import start_from

# Batches between looks at the loss: each look waits for the device.
_CHECK_EVERY = 20


@dataclass(frozen=True)
class FitSettings:
    """What a run can be told; the reason for each stands beside its default."""

    backbone: str = setting("resnet50", "torchvision model; accurate, and every accelerator runs it well")
    weights: str = setting("imagenet", "imagenet, none, or the path or s3:// URI of a state dict to start from")
    freeze: str = setting("none", "last stage that does not learn: after layer3 a ResNet learns layer4 and its heads")
    epochs: int = setting(30, "passes over the training photos; 0 exports the untrained network", low=0)
    seconds: float = setting(0.0, "time budget that the schedule fits itself into; 0 for none", low=0)
    batch: int = setting(64, "photos a step, even; more gives the metric loss more negatives", low=2)
    optimiser: str = setting(
        "adamw", "adamw forgives the learning rate; sgd has Nesterov momentum", choices=("adamw", "sgd")
    )
    lr: float = setting(2e-3, "highest learning rate", low=0)
    momentum: float = setting(0.9, "of sgd, and adamw's first beta", low=0, high=0.9999)
    weight_decay: float = setting(
        0.05, "of matrices and kernels, not of biases and norms; sgd wants a hundredth of it", low=0
    )
    schedule: str = setting("cosine", "cosine ends on small steps; flat is its baseline", choices=SCHEDULES)
    warmup: float = setting(
        0.05, "share of the run that climbs to the rate: random heads upset a backbone", low=0, high=1
    )
    smoothing: float = setting(0.1, "label smoothing; keeps the classifier from overconfidence", low=0, high=0.99)
    metric_weight: float = setting(0.5, "of the metric loss beside the cross-entropy; 0 leaves it out", low=0)
    rotation: float = setting(
        15.0, "degrees a training photo is turned to either side; 180 where photos have no up", low=0, high=180
    )
    crop: float = setting(0.25, "share by which it is zoomed in or out at most", low=0, high=0.95)
    colour: float = setting(
        0.2,
        "largest change of brightness, contrast and saturation; twice it: share of products recoloured",
        low=0,
        high=1,
    )
    ema: float = setting(0.99, "decay of the averaged weights, which are exported; 0 for none", low=0, high=0.99999)
    patience: int = setting(0, "epochs without improvement on validation after which to stop; 0 for never", low=0)
    seed: int = setting(0, "of everything drawn at random", low=0)

    def __post_init__(self) -> None:
        """Raises: SettingsError, naming the value and its limit."""
        check_settings(self)


class Trainer:
    """One run on one device. `train_epoch` and `validate` take turns; `state` and `restore` make it outlive a kill."""

    def __init__(self, dataset: Dataset, settings: FitSettings, device: torch.device) -> None:
        torch.manual_seed(settings.seed)
        self.dataset, self.settings, self.device = dataset, settings, device
        self.rows = dataset.rows("train")
        if len(self.rows) < 2:
            raise DataError(f"{dataset.path} has {len(self.rows)} training photos; 2 are the least to learn from")
        self.identities = identity_labels(dataset.product[self.rows], dataset.category[self.rows])
        model = EmbeddingNet(settings.backbone, len(dataset.categories))
        start_from(model, settings.weights, dataset.categories)
        model.freeze(settings.freeze)
        self.model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AveragedModel(self.model, multi_avg_fn=_warmed_up(settings.ema), use_buffers=True)
        self.loss = TrainingLoss(settings.smoothing, settings.metric_weight)
        self.optimiser = _optimiser(self.model, settings)
        self.augmentation = Augmentation(settings.rotation, settings.crop, settings.colour)
        self.steps_per_epoch = batches_per_epoch(len(self.rows), settings.batch)
        self.epoch = 0
        self.elapsed = 0.0

    @property
    def judged(self) -> EmbeddingNet:
        """The network that is evaluated and exported: the averaged one, where there is one."""
        return cast(EmbeddingNet, self.average.module) if self.settings.ema > 0 else self.model

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.settings.epochs * self.steps_per_epoch

    def progress(self, done: int = 0) -> float:
        """Share of the run that lies behind, by steps or by the time budget; `done` steps into the current epoch."""
        step = self.epoch * self.steps_per_epoch + done
        return run_progress(step, self.steps, self.elapsed, self.settings.seconds)

    def train_epoch(self, bar: Iterator[object]) -> dict[str, Any]:
        """One pass over the training split, or as much of it as the time budget leaves.

        Args:
            bar: advanced by one with each batch, for show.

        Returns:
            epoch (from 1), lr (at its end), train_loss (mean; None without a step), seconds, photos_per_s.

        Raises:
            DivergedError: the loss is not a finite number; names the epoch and the batch.
        """
        begun, spent = time.monotonic(), self.elapsed
        batches = pair_batches(self.identities.labels, self.settings.batch, _generator(self.settings.seed, self.epoch))
        losses = torch.zeros(len(batches), device=self.device)
        self.model.train()
        done = photos = 0
        rate = 0.0
        for rows, _ in zip(batches, bar, strict=False):
            self.elapsed = spent + time.monotonic() - begun
            progress = self.progress(done)
            if progress >= 1:
                break
            rate = self._rate(progress)
            losses[done] = self._step(rows, _seed(self.settings.seed, self.epoch, done))
            done, photos = done + 1, photos + len(rows)
            if done % _CHECK_EVERY == 0 or done == len(batches):
                _check_finite(losses[:done], self.epoch + 1)
        mean = float(losses[:done].mean()) if done else None
        seconds = time.monotonic() - begun
        self.epoch, self.elapsed = self.epoch + 1, spent + seconds
        return {
            "epoch": self.epoch,
            "lr": rate,
            "train_loss": mean,
            "seconds": seconds,
            "photos_per_s": photos / seconds,
        }

    def validate(self) -> dict[str, float | None]:
        """How the judged network does on the validation split.

        Returns:
            val_loss, val_accuracy, and val_recall4: how often a product's other photo is among the 4 nearest of that
            split. None where the split is empty, or holds no such pair.
        """
        begun, rows = time.monotonic(), self.dataset.rows("validation")
        if not len(rows):
            return dict.fromkeys(("val_loss", "val_accuracy", "val_recall4"))
        found = forward_rows(self.judged, self.dataset, rows, self.settings.batch)
        labels = self.dataset.category[rows]
        _, products = np.unique(self.dataset.product[rows], return_inverse=True)
        ranking = metrics.retrieval(found.embedding, products, labels, np.arange(len(rows)))
        self.elapsed += time.monotonic() - begun
        return {
            "val_loss": metrics.negative_log_likelihood(found.logits, labels),
            "val_accuracy": metrics.accuracy(found.logits, labels),
            "val_recall4": ranking["recall@4"],
        }

    def state(self) -> dict[str, Any]:
        """All that a later process needs to go on; random states are functions of the seed, epoch and step."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
            "elapsed": self.elapsed,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.elapsed = int(state["epoch"]), float(state["elapsed"])

    def _step(self, batch: npt.NDArray[np.int64], seed: int) -> Tensor:
        """One optimiser step on these positions of the training split; its loss, detached."""
        torch.manual_seed(seed)  # dropout and stochastic depth draw from the global generator
        generator = torch.Generator().manual_seed(seed)
        rows = self.rows[batch]
        photos = torch.from_numpy(self.dataset.photos[rows]).to(self.device, non_blocking=True)
        twins = _first_of_each(self.identities.labels[batch]) if self.identities.kind == "product" else None
        unit = augment(to_unit(photos), self.augmentation, generator, twins)
        images = normalise(unit, self.dataset.preprocessing).contiguous(memory_format=torch.channels_last)
        categories = torch.from_numpy(self.dataset.category[rows]).to(self.device, non_blocking=True)
        identities = torch.from_numpy(self.identities.labels[batch]).to(self.device, non_blocking=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            pooled = self.model.features(images)
        # The heads and the loss in float32: cosines of near neighbours differ in digits that bfloat16 does not have.
        logits, embedding = self.model.heads(pooled.float())
        loss = self.loss(logits, embedding, categories, identities)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        if self.settings.ema > 0:
            self.average.update_parameters(self.model)
        return cast(Tensor, loss.detach())

    def _rate(self, progress: float) -> float:
        """Set the learning rate for this point of the run."""
        rate = learning_rate(
            progress, peak=self.settings.lr, schedule=self.settings.schedule, warmup=self.settings.warmup
        )
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        return rate


def _optimiser(model: EmbeddingNet, settings: FitSettings) -> torch.optim.Optimizer:
    groups = parameter_groups(model, settings.weight_decay)
    if settings.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=settings.lr, momentum=settings.momentum, nesterov=settings.momentum > 0)
    return torch.optim.AdamW(groups, lr=settings.lr, betas=(settings.momentum, 0.999))


def _warmed_up(decay: float) -> Any:
    """An exponential moving average that forgets its first, random steps: decay min(d, (1 + t) / (10 + t))."""

    def update(averaged: list[Tensor], current: list[Tensor], steps: Tensor) -> None:
        count = float(steps)
        average = get_ema_multi_avg_fn(min(decay, (1 + count) / (10 + count)))  # type: ignore[no-untyped-call]
        average(averaged, current, steps)

    return update


def _first_of_each(labels: npt.NDArray[np.int64]) -> Tensor:
    """For each position the first one with the same label: int64 (n,)."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return torch.from_numpy(first[inverse])


def _check_finite(losses: Tensor, epoch: int) -> None:
    broken = torch.nonzero(~torch.isfinite(losses))
    if len(broken):
        batch = int(broken[0])
        raise DivergedError(
            f"the loss is {float(losses[batch])} in epoch {epoch}, batch {batch + 1}; "
            "a lower --lr or a longer --warmup may help"
        )


def _seed(*parts: int) -> int:
    """One seed out of (seed, epoch, step), so that neighbouring steps draw unrelated numbers."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _generator(*parts: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(parts))
