"""A run of training: the network, what moves it, and how far it has come."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.dataset import Dataset
from training.errors import DivergedError
from training.fit.execution import DEFAULT, Execution, prepared
from training.fit.input_pipeline import InputPipeline, seed_of
from training.fit.losses import TrainingLoss, balanced_weights
from training.fit.optimisation import Average, optimiser_of
from training.fit.schedule import learning_rate, run_progress
from training.fit.settings import FitSettings
from training.fit.validation import validate
from training.network.embedding_net import EmbeddingNet
from training.network.weights import start_from
from training.pipeline.world import SINGLE_PROCESS, World

# Batches between looks at the loss: each look waits for the device.
_CHECK_EVERY = 20


class Trainer:
    """One run, on one device or on one of several that train together.

    `train_epoch` goes through an epoch, and may be stopped between any two of its steps; `state` and `restore` make a
    run outlive a kill. Batches, random numbers and the loss are those of the whole batch, however many processes share
    it, so that the result does not depend on their number beyond the order of floating-point sums. Between two looks
    at the loss the host waits for nothing that the device has to do: it hands over the steps ahead of it.
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: FitSettings,
        device: torch.device,
        world: World = SINGLE_PROCESS,
        execution: Execution = DEFAULT,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.dataset, self.settings, self.device, self.world = dataset, settings, device, world
        self.execution = execution
        self.input = InputPipeline(dataset, settings, device, world)
        model = EmbeddingNet(settings.backbone, len(dataset.categories))
        if world.is_leader:  # the others get them from it
            start_from(model, settings.weights, dataset.categories)
        world.sync_batch_norm(model, device)
        model.freeze(settings.freeze)
        # Nothing is learned of what no loss looks at, and processes that train together wait for its gradient.
        model.embedding.requires_grad_(settings.metric_weight > 0)
        self.model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.forward = world.data_parallel(prepared(self.model, execution, device), device)
        self.average = Average(self.model, settings.ema)
        weights = balanced_weights(dataset.category[self.input.rows], len(dataset.categories), settings.balance)
        self.loss = TrainingLoss(settings.smoothing, settings.metric_weight, torch.from_numpy(weights)).to(device)
        self.optimiser = optimiser_of(self.model, settings.optimiser, settings.lr)
        self.epoch = 0
        self.elapsed = 0.0
        self.begin_epoch()

    @property
    def judged(self) -> EmbeddingNet:
        """The network that is evaluated and exported: the averaged one, where there is one."""
        return self.average.module if self.settings.ema > 0 else self.model

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.settings.epochs * self.input.steps_per_epoch

    @property
    def steps_left(self) -> int:
        """Optimiser steps that are still to do, if no time budget ends the run before."""
        return self.steps - self.epoch * self.input.steps_per_epoch - self.done

    def progress(self) -> float:
        """Share of the run that lies behind, by steps or by the time budget."""
        return run_progress(self.steps - self.steps_left, self.steps, self.elapsed, self.settings.seconds)

    def begin_epoch(self) -> None:
        """Forget the epoch that was; nothing of the next is done."""
        self.done = 0
        self.seconds = 0.0
        self.losses = torch.zeros(self.input.steps_per_epoch, device=self.device)

    def train_epoch(self, bar: Iterator[object], stop: Callable[[], bool] = lambda: False) -> dict[str, Any] | None:
        """What is left of a pass over the training split, or as much of it as the time budget leaves.

        Args:
            bar: advanced by one with each batch, for show.
            stop: asked before each step and after the last; true in one process stops all.

        Returns:
            epoch (from 1), lr (at its end), train_loss (mean; None without a step), seconds, photos_per_s. None where
            it was stopped: `state` then holds what is done of the epoch, and another call does the rest.

        Raises:
            DivergedError: the loss is not a finite number; names the epoch and the batch.
            LostProcessError: another process has ended.
        """
        clock = _Clock(self)
        batches = self.input.batches(self.epoch)
        left, own = batches[self.done :], self.world.shard(len(batches[0]))
        self.model.train()
        with closing(self.input.feed.batches(batch[own] for batch in left)) as fed:
            for batch, photos in zip(left, fed, strict=True):
                if clock.tick(stop()):
                    return None
                if self.progress() >= 1:
                    break
                next(bar, None)
                self._set_rate()
                self.losses[self.done] = self._step(batch, photos)
                self.done += 1
                if self.done % _CHECK_EVERY == 0:
                    self.check_finite()
        self.check_finite()
        if clock.tick(stop()):
            return None
        figures = self._figures(len(batches[0]))
        self.epoch += 1
        self.begin_epoch()
        return figures

    def validate(self) -> dict[str, float | None]:
        """How the judged network does on the validation split: see `training.fit.validation.validate`."""
        begun = time.monotonic()
        figures = validate(self.judged, self.dataset, self.settings.batch, self.world)
        self.elapsed += time.monotonic() - begun
        return figures

    def check_finite(self) -> None:
        """Look at the losses of this epoch.

        Raises:
            DivergedError: one is not a finite number.
        """
        broken = torch.nonzero(~torch.isfinite(self.losses[: self.done]))
        if len(broken):
            batch = int(broken[0])
            raise DivergedError(
                f"the loss is {float(self.losses[batch])} in epoch {self.epoch + 1}, batch {batch + 1}; "
                "a lower --lr or a longer --warmup may help"
            )

    def state(self) -> dict[str, Any]:
        """All that a later process needs to go on; random states are functions of the seed, epoch and step.

        Raises:
            DivergedError: see `check_finite`; a ruined network is not worth going on from.
        """
        self.check_finite()
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
            "elapsed": self.elapsed,
            "done": self.done,
            "seconds": self.seconds,
            "losses": self.losses,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.elapsed = int(state["epoch"]), float(state["elapsed"])
        self.done, self.seconds = int(state["done"]), float(state["seconds"])
        self.losses = state["losses"].to(self.device)

    def learn(self, images: Tensor, categories: Tensor, identities: Tensor) -> Tensor:
        """One optimiser step on a batch; its loss, detached.

        Args:
            images: normalised, float32 (own, 3, size, size), channels last: this process's share of the batch.
            categories, identities: int64 (n,), of the whole batch.
        """
        with self.world.detect_lost_process():
            outputs = self.world.all_gather(self.forward(images), len(categories))
            classes = len(self.dataset.categories)
            loss = self.loss(outputs[:, :classes], outputs[:, classes:], categories, identities)
            self.optimiser.zero_grad(set_to_none=True)
            # Each process holds a part of the gradient; what they make of the parts is the mean, and wanted is the sum.
            (loss * self.world.size).backward()
        self.optimiser.step()
        if self.settings.ema > 0:
            self.average.update()
        return cast(Tensor, loss.detach())

    def _step(self, batch: npt.NDArray[np.int64], photos: Tensor) -> Tensor:
        """Learn from these positions of the training split, of whose photos this process has its share."""
        step = (self.epoch, self.done)
        # Dropout and stochastic depth draw from the global generator.
        torch.manual_seed(seed_of(self.settings.seed, *step, self.world.rank))
        return self.learn(self.input.images(batch, photos, step, self.progress()), *self.input.labels(batch))

    def _set_rate(self) -> None:
        """Set the learning rate for this point of the run."""
        settings = self.settings
        rate = learning_rate(self.progress(), peak=settings.lr, schedule=settings.schedule, warmup=settings.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def _figures(self, batch: int) -> dict[str, Any]:
        return {
            "epoch": self.epoch + 1,
            "lr": self.optimiser.param_groups[0]["lr"] if self.done else 0.0,
            "train_loss": float(self.losses[: self.done].mean()) if self.done else None,
            "seconds": self.seconds,
            "photos_per_s": self.done * batch / self.seconds,
        }


class _Clock:
    """Counts the time of training, the same in all processes; ticks between steps."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.elapsed = trainer.elapsed - time.monotonic()
        self.seconds = trainer.seconds - time.monotonic()

    def tick(self, stop: bool) -> bool:
        """Note the time; whether any process wants to stop."""
        now = time.monotonic()
        self.trainer.seconds = self.seconds + now
        self.trainer.elapsed, stopped = self.trainer.world.all_reduce_max(self.elapsed + now, float(stop))
        return stopped > 0
