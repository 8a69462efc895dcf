"""What a run leaves behind, and what of it stands in the checkpoint: its history, and its best weights."""

import dataclasses
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.checkpoint import load_checkpoint, save_checkpoint
from training.stages import write_json
from training.trainer import Trainer
from training.weights import save_weights

# What a machine that is lost without a word costs at most, where an epoch takes longer.
_SECONDS_BETWEEN_CHECKPOINTS = 300.0
_KEPT = ("history", "best", "best_epoch", "stale", "weights")


class RunRecord:
    """The record of a trainer's run; the process that leads keeps it.

    Args:
        folder: where weights and history go.
        checkpoint: file from which a run goes on, with the best weights too: the folder may be lost with the machine
            where the checkpoint is not.
        fingerprint: of everything that the run depends on.
    """

    def __init__(self, trainer: Trainer, folder: Path, checkpoint: Path, fingerprint: str) -> None:
        self.trainer, self.folder, self.checkpoint, self.fingerprint = trainer, folder, checkpoint, fingerprint
        self.history: list[dict[str, Any]] = []
        self.best: float | None = None
        self.best_epoch = self.stale = 0
        self.weights: dict[str, Tensor] = {}
        self._saved = time.monotonic()

    @property
    def complete(self) -> bool:
        """Whether the run is over: at its end, or without improvement for as long as the settings allow."""
        return self.trainer.progress() >= 1 or 0 < self.trainer.settings.patience <= self.stale

    def resume(self) -> dict[str, Any] | None:
        """Go on from the checkpoint, where there is one of the same fingerprint: the trainer's state in it."""
        state = load_checkpoint(self.checkpoint, self.fingerprint)
        if state is None:
            self._keep()
            return None
        for name in _KEPT:
            setattr(self, name, state["record"][name])
        trainer_state: dict[str, Any] = state["trainer"]
        return trainer_state

    def add(self, figures: dict[str, Any]) -> None:
        """Note an epoch, keep its weights where they are the best so far, and save."""
        self.history.append(figures)
        write_json(self.folder / "history.json", self.history)
        score = _score(figures)
        # Without a validation split every epoch is the best yet: the last one is exported.
        if self.best is None or score is None or score > self.best:
            self.best, self.best_epoch, self.stale = score, figures["epoch"], 0
            self._keep()
        elif self.trainer.at_full_size:  # a network is not given up for how it does at a size that it has yet to see
            self.stale += 1
        self.save()

    def save(self) -> None:
        """Write the checkpoint: between any two steps, a run can go on from it.

        Raises:
            DivergedError: the network is ruined; the earlier checkpoint stays.
            TrainingError: it cannot be written; the earlier checkpoint stays.
        """
        state = {name: getattr(self, name) for name in _KEPT}
        whole = {"fingerprint": self.fingerprint, "trainer": self.trainer.state(), "record": state}
        save_checkpoint(self.checkpoint, whole)
        self._saved = time.monotonic()

    def save_if_due(self) -> None:
        """Write the checkpoint if the last one is some minutes old."""
        if time.monotonic() - self._saved >= _SECONDS_BETWEEN_CHECKPOINTS:
            self.save()

    def write(self) -> None:
        """Leave the best weights and the run's provenance."""
        settings, device = self.trainer.settings, self.trainer.device
        write_json(self.folder / "history.json", self.history)
        save_weights(self.folder / "best.safetensors", settings.backbone, self.weights, self.trainer.dataset.categories)
        write_json(
            self.folder / "fit.json",
            {
                "settings": dataclasses.asdict(settings),
                "execution": dataclasses.asdict(self.trainer.execution),
                "best_epoch": self.best_epoch,
                "epochs": len(self.history),
                "seconds": round(sum(figures["seconds"] for figures in self.history), 1),
                "metric_labels": self.trainer.input.identities.kind,
                "device": _name(device),
                "processes": self.trainer.world.size,
                "torch": torch.__version__,
            },
        )

    def _keep(self) -> None:
        """Note the weights that would be exported now."""
        state = self.trainer.judged.state_dict()
        self.weights = {key: value.detach().cpu().clone() for key, value in state.items()}


def _score(figures: dict[str, Any]) -> float | None:
    """What "best" means: the mean of accuracy and recall@4, the two figures that a release is held to."""
    known = [figures[name] for name in ("val_accuracy", "val_recall4") if figures[name] is not None]
    return sum(known) / len(known) if known else None


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"
