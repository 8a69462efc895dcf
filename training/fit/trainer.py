"""A training run: network, optimiser, loss, and progress."""

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
from training.fit.execution import training_module
from training.fit.heads.losses import TrainingLoss, balanced_weights
from training.fit.heads.teaching import Taught
from training.fit.input_pipeline import InputPipeline, derive_seed
from training.fit.optimisation import EmaWeights, make_optimiser, set_rate
from training.fit.schedule import learning_rate, run_progress
from training.fit.settings import DEFAULT, Execution, FitSettings
from training.fit.teaching import Teaching, dimension, loss_of
from training.fit.validation import validate
from training.network.backbone import backbone_of
from training.network.embedding_net import EmbeddingNet
from training.network.frozen_heads import FrozenHeads
from training.network.weights import start_from
from training.pipeline.world import SINGLE_PROCESS, World

# Number of batches between checks that the loss is finite. Each check makes the host wait for the device.
_CHECK_EVERY = 20


class Trainer:
    """One training run on the device of this process; several processes can train together (data-parallel).

    `train_epoch` trains for one epoch and can be stopped between any two steps. `state` and `restore` save and resume a
    run. Batches, random draws and the loss are those of the whole batch. So the result depends on the number of
    processes only through the order of floating-point sums. Between two checks of the loss, the host does not wait for
    the device: it queues steps in advance.
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: FitSettings,
        device: torch.device,
        world: World = SINGLE_PROCESS,
        execution: Execution = DEFAULT,
        heads: FrozenHeads | None = None,
        teaching: Teaching | None = None,
    ) -> None:
        """Load the initial weights.

        Args:
            heads: heads to start from, in the leader; by default those of the initial weights, else random ones.
            teaching: the teacher of the run, if it has one.
        """
        torch.manual_seed(settings.seed)
        self.dataset, self.settings, self.device, self.world = dataset, settings, device, world
        self.execution, self.teaching = execution, teaching
        self.input = InputPipeline(dataset, settings, device, world)
        source = backbone_of(settings.backbone, settings.weights)
        model = EmbeddingNet(source, len(dataset.categories), dimension(teaching), dataset.preprocessing.size)
        if world.is_leader:  # the other processes get the weights from the leader
            start_from(model, settings.weights, dataset.categories)
            if heads is not None:
                heads.load_into(model)
        world.sync_batch_norm(model, device)
        model.freeze(settings.freeze, fixed_norm=settings.fixed_norm and settings.weights != "none")
        # Without a loss of its own the embedding head gets no gradient, and DDP would wait for one.
        model.embedding.requires_grad_(settings.metric_weight > 0 or teaching is not None)
        self.model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.forward = world.data_parallel(training_module(self.model, execution, device), device)
        self.ema = EmaWeights(self.model, settings.ema)
        weights = balanced_weights(dataset.category[self.input.rows], len(dataset.categories), settings.balance)
        self.loss = TrainingLoss(settings.smoothing, settings.metric_weight, torch.from_numpy(weights)).to(device)
        self.teaching_loss = loss_of(settings)
        self.optimiser = make_optimiser(self.model, settings.optimiser, settings.rate, settings.backbone_share)
        self.epoch, self.elapsed = 0, 0.0
        self.begin_epoch()

    @property
    def eval_model(self) -> EmbeddingNet:
        """The network that is evaluated and exported: the EMA weights if enabled, else the current weights."""
        return self.ema.module if self.settings.ema > 0 else self.model

    @property
    def steps(self) -> int:
        """Number of optimiser steps of the whole run."""
        return self.settings.epochs * self.input.steps_per_epoch

    @property
    def steps_left(self) -> int:
        """Number of remaining optimiser steps, if no time budget ends the run earlier."""
        return self.steps - self.epoch * self.input.steps_per_epoch - self.steps_done

    def progress(self) -> float:
        """Share of the run that is done, in [0, 1], by steps or by the time budget."""
        return run_progress(self.steps - self.steps_left, self.steps, self.elapsed, self.settings.seconds)

    def begin_epoch(self) -> None:
        """Reset the counters for the next epoch."""
        self.steps_done = 0
        self.seconds = 0.0
        self.side: int | None = None
        self.losses = torch.zeros(self.input.steps_per_epoch, device=self.device)

    def train_epoch(self, bar: Iterator[object], stop: Callable[[], bool] = lambda: False) -> dict[str, Any] | None:
        """Train on the remaining batches of the current epoch, or until the time budget is used up.

        Args:
            bar: progress bar; advanced by one per batch.
            stop: called before each step and after the last. True in one process stops all processes.

        Returns:
            epoch (from 1), lr (at the end), side (of the photos in the last step, in pixels), train_loss (mean),
            seconds, photos_per_s; side and train_loss are None if no step was made. None if training was stopped:
            `state` then has the progress within the epoch, and the next call continues from it.

        Raises:
            DivergedError: the loss is not a finite number; the message names the epoch and the batch.
            LostProcessError: another process has ended.
        """
        clock = _Clock(self)
        batches = self.input.batches(self.epoch)
        remaining, own = batches[self.steps_done :], self.world.shard(len(batches[0]))
        self.model.train()
        with closing(self.input.feed.batches(batch[own] for batch in remaining)) as feed:
            for batch, photos in zip(remaining, feed, strict=True):
                if clock.tick(stop()):
                    return None
                if self.progress() >= 1:
                    break
                next(bar, None)
                self._set_rate()
                self.losses[self.steps_done] = self._step(batch, photos)
                self.steps_done += 1
                if self.steps_done % _CHECK_EVERY == 0:
                    self.check_finite()
        self.check_finite()
        if clock.tick(stop()):
            return None
        figures = self._figures(len(batches[0]))
        self.epoch += 1
        self.begin_epoch()
        return figures

    def validate(self) -> dict[str, float | None]:
        """Metrics of `eval_model` on the validation split: see `training.fit.validation.validate`."""
        start = time.monotonic()
        figures = validate(self.eval_model, self.dataset, self.settings.batch, self.world)
        self.elapsed += time.monotonic() - start
        return figures

    def check_finite(self) -> None:
        """Check the losses of this epoch.

        Raises:
            DivergedError: a loss is not a finite number.
        """
        broken = torch.nonzero(~torch.isfinite(self.losses[: self.steps_done]))
        if len(broken):
            batch = int(broken[0])
            raise DivergedError(
                f"the loss is {float(self.losses[batch])} in epoch {self.epoch + 1}, batch {batch + 1}; "
                "try a lower learning rate (lr) or a longer warm-up (warmup)"
            )

    def state(self) -> dict[str, Any]:
        """Everything needed to resume the run. No random state: random draws depend only on seed, epoch and step.

        Raises:
            DivergedError: see `check_finite`; a diverged network must not replace a good checkpoint.
        """
        self.check_finite()
        return {
            "model": self.model.state_dict(),
            "average": self.ema.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
            "elapsed": self.elapsed,
            "done": self.steps_done,
            "seconds": self.seconds,
            "side": self.side,
            "losses": self.losses,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the run from `state`."""
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.elapsed = int(state["epoch"]), float(state["elapsed"])
        self.steps_done, self.seconds, self.side = int(state["done"]), float(state["seconds"]), state["side"]
        self.losses = state["losses"].to(self.device)

    def learn(self, images: Tensor, categories: Tensor, identities: Tensor, taught: Taught | None = None) -> Tensor:
        """Make one optimiser step on a batch; returns its loss, detached.

        Args:
            images: normalised, float32 (own, 3, size, size), channels last: this process's shard of the batch.
            categories, identities: int64 (n,), labels of the whole batch.
            taught: the teacher's outputs for the whole batch.
        """
        with self.world.detect_lost_process():
            outputs = self.world.all_gather(self.forward(images), len(categories))
            logits, embedding = outputs.tensor_split((len(self.dataset.categories),), dim=1)
            loss = self.loss(logits, embedding, categories, identities)
            if taught is not None:
                loss = loss + self.teaching_loss(logits, embedding, taught)
            self.optimiser.zero_grad(set_to_none=True)
            # Each process has a part of the gradient. DDP averages them; multiply by the world size to get the sum.
            (loss * self.world.size).backward()
        self.optimiser.step()
        if self.settings.ema > 0:
            self.ema.update()
        return cast(Tensor, loss.detach())

    def _step(self, batch: npt.NDArray[np.int64], photos: Tensor) -> Tensor:
        """Train on a batch (positions in the training split). `photos` are those of this process's shard."""
        step = (self.epoch, self.steps_done)
        # Dropout and stochastic depth use the global random generator.
        torch.manual_seed(derive_seed(self.settings.seed, *step, self.world.rank))
        images = self.input.images(batch, photos, step, self.progress())
        self.side = images.shape[-1]
        taught = None if self.teaching is None else self.teaching.of(batch, step, self.input)
        return self.learn(images, *self.input.labels(batch), taught)

    def _set_rate(self) -> None:
        """Set the learning rate for the current progress of the run."""
        settings = self.settings
        rate = learning_rate(self.progress(), peak=settings.rate, schedule=settings.schedule, warmup=settings.warmup)
        set_rate(self.optimiser, rate)

    def _figures(self, batch: int) -> dict[str, Any]:
        return {
            "epoch": self.epoch + 1,
            "lr": self.optimiser.param_groups[-1]["lr"] if self.steps_done else 0.0,
            "side": self.side,
            "train_loss": float(self.losses[: self.steps_done].mean()) if self.steps_done else None,
            "seconds": self.seconds,
            "photos_per_s": self.steps_done * batch / self.seconds,
        }


class _Clock:
    """Measures the training time, with the same result in all processes. Updated between steps."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.elapsed = trainer.elapsed - time.monotonic()
        self.seconds = trainer.seconds - time.monotonic()

    def tick(self, stop: bool) -> bool:
        """Update the time; returns whether any process wants to stop (a collective call)."""
        now = time.monotonic()
        self.trainer.seconds = self.seconds + now
        self.trainer.elapsed, stopped = self.trainer.world.all_reduce_max(self.elapsed + now, float(stop))
        return stopped > 0
