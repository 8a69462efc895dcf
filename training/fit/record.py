"""What a run leaves behind: its history, its best weights, and the checkpoint from which it goes on after a stop."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from training.errors import TrainingError
from training.fit.trainer import Trainer
from training.network.weights import save_weights
from training.pipeline.files import write_json

# What a machine that is lost without a word costs at most, where an epoch takes longer.
_SECONDS_BETWEEN_CHECKPOINTS = 300.0
_KEPT = ("history", "best", "best_epoch", "weights")


# What a shell says of a program that SIGTERM ended. Never 0: a job that was stopped has no model to hand over.
STOPPED = 128 + signal.SIGTERM


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
        self.best_epoch = 0
        self.weights: dict[str, Tensor] = {}
        self._saved = time.monotonic()

    @property
    def complete(self) -> bool:
        """Whether the run is over."""
        return self.trainer.progress() >= 1

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
            self.best, self.best_epoch = score, figures["epoch"]
            self._keep()
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
                "settings": settings.as_json(),
                "execution": self.trainer.execution.as_json(),
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


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values beside `path`, then rename them into place.

    An earlier checkpoint survives a kill or a full disk.

    Raises:
        TrainingError: it cannot be written, as on a full disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        torch.save(state, partial)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())  # else a machine that dies may keep the new name and not the content
        partial.replace(path)
    except (OSError, RuntimeError) as exc:  # torch reports a full disk as a RuntimeError
        raise TrainingError(f"the checkpoint {path} cannot be written: {exc}") from exc
    finally:
        partial.unlink(missing_ok=True)


def load_checkpoint(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """The state saved at `path`, on the CPU; None where there is none, or it is of a run with other settings.

    Raises:
        TrainingError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as exc:  # torch's refusals of a damaged file share no other base
        raise TrainingError(f"the checkpoint {path} does not load ({exc}); remove it to start anew") from exc
    return state if isinstance(state, dict) and state.get("fingerprint") == fingerprint else None


@dataclass
class Stop:
    """Whether the work is to end, at the next point from which it can go on."""

    requested: bool = False


@contextmanager
def stopped_by_sigterm() -> Iterator[Stop]:
    """Within, SIGTERM only asks for a stop; in the main thread alone, where Python takes signals.

    Raises:
        SystemExit: with `STOPPED`, at the end, where a stop was asked for.
    """
    stop = Stop()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.requested = True

    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)
    if stop.requested:
        sys.exit(STOPPED)


def _score(figures: dict[str, Any]) -> float | None:
    """What "best" means: the mean of accuracy and recall@4, the two figures that a release is held to."""
    known = [figures[name] for name in ("val_accuracy", "val_recall4") if figures[name] is not None]
    return sum(known) / len(known) if known else None


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"
