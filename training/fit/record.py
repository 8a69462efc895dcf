"""The files of a training run: history, best weights, and the checkpoint from which a stopped run resumes."""

import logging
import os
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.dataset import Dataset
from training.errors import DivergedError, TrainingError
from training.fit.frozen import FINE_TUNED, INITIAL, Baseline, described
from training.fit.heads.finish import keep_pooled
from training.fit.heads.share import NOT_POOLED
from training.fit.input.identities import identity_labels
from training.fit.schedule import few_steps
from training.fit.settings import Execution, FitSettings
from training.fit.trainer import Trainer
from training.fit.validation import is_as_good_as, score, validate
from training.network.cached import FROZEN
from training.network.embedding_net import EmbeddingNet
from training.network.weights import save_weights
from training.pipeline.disk import free_bytes
from training.pipeline.files import write_json
from training.pipeline.provenance import device_name
from training.pipeline.world import SINGLE_PROCESS, World

log = logging.getLogger(__name__)

# Maximum training time lost if a machine fails without SIGTERM, when epochs are longer than this.
_SECONDS_BETWEEN_CHECKPOINTS = 300.0
_KEPT = ("history", "best", "best_epoch", "weights")


class RunRecord:
    """Writes the files of a trainer's run. Used only by the leader.

    Args:
        folder: folder for weights and history.
        checkpoint: the checkpoint file. It also has the best weights, because `folder` may be lost with the machine.
        fingerprint: digest of everything that the run depends on.
        baseline: what the run must beat; None: nothing.
    """

    def __init__(
        self, trainer: Trainer, folder: Path, checkpoint: Path, fingerprint: str, baseline: Baseline | None = None
    ) -> None:
        self.trainer, self.folder, self.checkpoint, self.fingerprint = trainer, folder, checkpoint, fingerprint
        self.baseline = baseline
        self.history: list[dict[str, Any]] = []
        self.best: float | None = None
        self.best_epoch = 0
        self.weights: dict[str, Tensor] = {}
        self.diverged: str | None = None
        self._saved = time.monotonic()

    @property
    def complete(self) -> bool:
        """Whether the run is finished."""
        return self.trainer.progress() >= 1

    def resume(self) -> dict[str, Any] | None:
        """Load the checkpoint if it has the same fingerprint. Returns the trainer's state from it, else None."""
        state = load_checkpoint(self.checkpoint, self.fingerprint)
        if state is None:
            self._keep_weights()
            return None
        for name in _KEPT:
            setattr(self, name, state["record"][name])
        trainer_state: dict[str, Any] = state["trainer"]
        return trainer_state

    def add(self, figures: dict[str, Any]) -> None:
        """Add the metrics of an epoch, keep its weights if they are the best so far, and write the checkpoint."""
        self.history.append(figures)
        write_json(self.folder / "history.json", self.history)
        found = score(figures)
        # Without a validation split, each epoch replaces the one before, and the last one is exported.
        if self.best is None or found is None or found > self.best:
            self.best, self.best_epoch = found, figures["epoch"]
            self._keep_weights()
        self.save()

    def save(self) -> None:
        """Write the checkpoint. Possible between any two steps.

        Raises:
            DivergedError: the loss is not finite; the earlier checkpoint is kept.
            TrainingError: the file cannot be written; the earlier checkpoint is kept.
        """
        state = {name: getattr(self, name) for name in _KEPT}
        whole = {"fingerprint": self.fingerprint, "trainer": self.trainer.state(), "record": state}
        save_checkpoint(self.checkpoint, whole)
        self._saved = time.monotonic()

    def save_if_due(self) -> None:
        """Write the checkpoint if the last one is older than `_SECONDS_BETWEEN_CHECKPOINTS`."""
        if time.monotonic() - self._saved >= _SECONDS_BETWEEN_CHECKPOINTS:
            self.save()

    def end_diverged(self, error: DivergedError) -> None:
        """End a run whose loss is not finite: `write` keeps the best weights until then, or those of the baseline.

        Raises:
            DivergedError: `error`, if the run has no baseline.
        """
        if self.baseline is None:
            raise error
        self.diverged = str(error)
        log.warning("fit: %s; the better of its epochs until then and the heads on frozen features is kept", error)

    def write(self) -> None:
        """Write the history, the best weights, and settings and provenance of the run (`fit.json`).

        The best weights are those of the baseline, if no epoch had a better score.
        """
        self._prefer_last()
        trainer, baseline, kept = self.trainer, self.baseline, FINE_TUNED if self.history else INITIAL
        pooled, found = self._keep_pooled()
        ended_at_once = self.diverged is not None and not self.history
        if baseline is not None and (ended_at_once or (self.history and baseline.is_as_good_as(found))):
            kept, self.best_epoch, pooled = FROZEN, 0, baseline.pooled
            self.weights = baseline.network(trainer.dataset, trainer.settings).state_dict()
        about = {
            "best_epoch": self.best_epoch,
            "epochs": len(self.history),
            "seconds": round(sum(figures["seconds"] for figures in self.history), 1),
            "baseline": described(trainer.settings, baseline, kept, found if self.history else None, self.diverged),
            "pooled": pooled,
            "few_steps": few_steps_of(trainer),
            "teacher": None if trainer.teaching is None else trainer.teaching.about,
        }
        write_json(self.folder / "history.json", self.history)
        file, model, categories = self.folder / "best.safetensors", trainer.model, trainer.dataset.categories
        save_weights(file, model.name, self.weights, categories, model.size)
        write_about(self.folder, trainer.dataset, trainer.settings, trainer.execution, trainer.world, about)

    def _prefer_last(self) -> None:
        """Keep the last epoch of a learning rate that fell to zero, unless the validation split shows it to be worse.

        Late epochs then differ by less than chance, and the best score of many is mostly luck. The demo lost 1.7 points
        of recall@4 by it.
        """
        if self.trainer.settings.schedule != "cosine" or not self.history or self.diverged is not None:
            return
        best, last = self.history[self.best_epoch - 1], self.history[-1]
        if is_as_good_as(last, best, len(self.trainer.dataset.rows("validation"))):
            self.best, self.best_epoch = score(last), last["epoch"]
            self._keep_weights()

    def _keep_pooled(self) -> tuple[dict[str, Any], float | None]:
        """Add the pooled features to the embedding of the best weights. Returns how, and the score of the result."""
        trainer, most = self.trainer, self.trainer.settings.most_pooled
        if not self.history or most == 0:
            return NOT_POOLED, self.best
        model = EmbeddingNet(trainer.model.source, len(trainer.dataset.categories), size=trainer.model.size)
        model.load_state_dict(self.weights)
        about = keep_pooled(model, trainer.dataset, trainer.device, most).about
        self.weights = {key: value.detach().cpu() for key, value in model.state_dict().items()}
        return about, score(validate(model, trainer.dataset, trainer.settings.batch, SINGLE_PROCESS))

    def _keep_weights(self) -> None:
        """Copy the current weights of `eval_model` as the best ones."""
        state = self.trainer.eval_model.state_dict()
        self.weights = {key: value.detach().cpu().clone() for key, value in state.items()}


def few_steps_of(trainer: Trainer) -> str | None:
    """See `training.fit.schedule.few_steps`."""
    asked = trainer.settings
    return few_steps(trainer.steps, peak=asked.rate, schedule=asked.schedule, warmup=asked.warmup, budget=asked.seconds)


def write_about(
    folder: Path, dataset: Dataset, settings: FitSettings, execution: Execution, world: World, about: dict[str, Any]
) -> None:
    """Write `fit.json`: what a run says of itself, its settings and its provenance."""
    rows = dataset.rows("train")
    provenance = {
        "settings": settings.as_json(),
        "execution": execution.as_json(),
        "metric_labels": identity_labels(dataset.product[rows], dataset.category[rows]).kind,
        "device": device_name(world.device),
        "processes": world.size,
        "torch": torch.__version__,
    }
    write_json(folder / "fit.json", about | provenance)


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values to `path`, atomically (temporary file, then rename).

    A kill or a full disk does not damage an earlier checkpoint.

    Raises:
        TrainingError: it cannot be written, for example on a full disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        torch.save(state, partial)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())  # without this, a crash of the machine could keep the rename but lose the content
        partial.replace(path)
    except (OSError, RuntimeError) as exc:  # torch reports a full disk as a RuntimeError
        size = partial.stat().st_size if partial.exists() else 0
        raise TrainingError(
            f"the checkpoint {path} cannot be written: {exc}; {size:,} bytes fitted, {free_bytes(path):,} are free"
        ) from exc
    finally:
        partial.unlink(missing_ok=True)


def load_checkpoint(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """The state saved at `path`, on the CPU. None if there is no file, or its fingerprint differs.

    Raises:
        TrainingError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as exc:  # the errors of torch for damaged files have no other common base class
        raise TrainingError(
            f"the checkpoint {path} cannot be loaded ({exc}); delete it to start from the beginning"
        ) from exc
    return state if isinstance(state, dict) and state.get("fingerprint") == fingerprint else None
