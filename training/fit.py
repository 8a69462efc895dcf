"""Train the network on a dataset; the weights that are best on its validation split are what is exported.

    python -m training.fit --out OUT --backbone resnet18 --epochs 20

reads OUT/dataset and writes OUT/fit: `best.safetensors`, `history.json`, `fit.json`, TensorBoard events, and the
checkpoint from which a rerun goes on. Every random number comes from a generator seeded by (seed, epoch, step): a run
that was killed and started again ends, on a CPU and without a time budget, with the very weights of one that was not.
"""

import dataclasses
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from lambda_app.release import sha256_of
from training.checkpoint import load_checkpoint, save_checkpoint
from training.dataset import Dataset
from training.progress import track
from training.stages import (
    CommandParser,
    WorkFolder,
    add_settings,
    add_work_folder,
    digest_of,
    report_errors,
    run_stage,
    settings_from,
    write_json,
)
from training.trainer import FitSettings, Trainer
from training.weights import local_copy, save_weights

log = logging.getLogger(__name__)


def run(work: WorkFolder, settings: FitSettings, checkpoints: Path | None = None) -> bool:
    """The stage: train unless the same settings were trained on the same dataset before; whether it ran.

    Args:
        checkpoints: folder of the checkpoint, where it must outlive the machine; in the work folder by default.
    """
    dataset = Dataset.open(work.dataset)
    inputs = {"dataset": dataset.digest, "settings": dataclasses.asdict(settings), "weights": _identity(settings)}
    checkpoint = (checkpoints or work.fit) / "checkpoint.pt"
    outputs = [work.weights, work.fit / "history.json", work.fit / "fit.json"]
    return run_stage(
        work, "fit", inputs, outputs, lambda: fit(dataset, settings, work.fit, checkpoint, digest_of(inputs))
    )


def fit(dataset: Dataset, settings: FitSettings, folder: Path, checkpoint: Path, fingerprint: str) -> None:
    """Train, from a checkpoint of the same fingerprint where there is one.

    Args:
        folder: where weights and history go.
        checkpoint: file, rewritten after every epoch.
        fingerprint: of everything that the run depends on.

    Raises:
        DivergedError: the loss is not a finite number.
        WeightsError: see `training.weights.start_from`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trainer = Trainer(dataset, settings, device)
    record = _Record(folder, dataset.categories)
    state = load_checkpoint(checkpoint, fingerprint)
    if state is not None:
        trainer.restore(state["trainer"])
        record.restore(state["record"])
        log.info("fit: goes on after epoch %d", trainer.epoch)
    else:
        record.keep(trainer)
    bar = track(range(trainer.steps - trainer.epoch * trainer.steps_per_epoch), None, "fit", "batch")
    with SummaryWriter(str(folder / "tensorboard"), purge_step=trainer.epoch + 1) as board:
        while trainer.progress() < 1 and not 0 < settings.patience <= record.stale:
            figures = trainer.train_epoch(bar) | trainer.validate()
            record.add(figures, trainer)
            save_checkpoint(
                checkpoint, {"fingerprint": fingerprint, "trainer": trainer.state(), "record": record.state()}
            )
            _show(figures, board)
    record.write(settings, device, trainer.identities.kind)


class _Record:
    """What the run leaves behind: its history, and its best weights."""

    _KEPT = ("history", "best", "best_epoch", "stale", "weights")

    def __init__(self, folder: Path, categories: tuple[str, ...]) -> None:
        self.folder, self.categories = folder, categories
        self.history: list[dict[str, Any]] = []
        self.best: float | None = None
        self.best_epoch = self.stale = 0
        self.weights: dict[str, Tensor] = {}

    def add(self, figures: dict[str, Any], trainer: Trainer) -> None:
        """Note an epoch; keep its weights where they are the best so far."""
        self.history.append(figures)
        write_json(self.folder / "history.json", self.history)
        score = _score(figures)
        # Without a validation split every epoch is the best yet: the last one is exported.
        if self.best is None or score is None or score > self.best:
            self.best, self.best_epoch, self.stale = score, figures["epoch"], 0
            self.keep(trainer)
        else:
            self.stale += 1

    def keep(self, trainer: Trainer) -> None:
        """Note the weights that would be exported now."""
        self.weights = {key: value.detach().cpu().clone() for key, value in trainer.judged.state_dict().items()}

    def write(self, settings: FitSettings, device: torch.device, identity: str) -> None:
        """Leave the weights and the run's provenance."""
        write_json(self.folder / "history.json", self.history)
        save_weights(self.folder / "best.safetensors", settings.backbone, self.weights, self.categories)
        name = (
            torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"
        )
        write_json(
            self.folder / "fit.json",
            {
                "settings": dataclasses.asdict(settings),
                "best_epoch": self.best_epoch,
                "epochs": len(self.history),
                "seconds": round(sum(figures["seconds"] for figures in self.history), 1),
                "metric_labels": identity,
                "device": name,
                "torch": torch.__version__,
            },
        )

    def state(self) -> dict[str, Any]:
        """Everything, the best weights too: the folder may be lost with the machine where the checkpoint is not."""
        return {name: getattr(self, name) for name in self._KEPT}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        for name in self._KEPT:
            setattr(self, name, state[name])


def _score(figures: dict[str, Any]) -> float | None:
    """What "best" means: the mean of accuracy and recall@4, the two figures that a release is held to."""
    known = [figures[name] for name in ("val_accuracy", "val_recall4") if figures[name] is not None]
    return sum(known) / len(known) if known else None


def _show(figures: dict[str, Any], board: SummaryWriter) -> None:
    """One line that a person and SageMaker's metric expressions read, and the same figures for TensorBoard."""
    known = {name: value for name, value in figures.items() if value is not None}
    tqdm.write(" ".join(f"{name}={value:.4g}" for name, value in known.items()), file=sys.stdout)
    sys.stdout.flush()  # a pipe would hold the line back until there are many
    for name, value in known.items():
        if name != "epoch":
            board.add_scalar(name, value, figures["epoch"])


def _identity(settings: FitSettings) -> str:
    """What the starting weights are: their name, or their content."""
    if settings.weights in ("imagenet", "none"):
        return settings.weights
    with local_copy(settings.weights) as path:
        return sha256_of(path)


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m training.fit`."""
    parser = CommandParser(prog="python -m training.fit", description=__doc__.partition("\n")[0])
    add_work_folder(parser)
    add_settings(parser, FitSettings)
    arguments = parser.parse_args(argv)
    run(WorkFolder(arguments.out), settings_from(arguments, FitSettings))


if __name__ == "__main__":
    sys.exit(report_errors(main))
