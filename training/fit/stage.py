"""Train the network on a dataset; the weights of the best epoch on the validation split are exported.

    python -m training.fit --out OUT --backbone resnet18 --epochs 20
    torchrun --nproc-per-node 4 -m training.fit --out OUT

reads OUT/dataset and writes OUT/fit: `best.safetensors`, `history.json`, `fit.json`, and a checkpoint. The checkpoint
is written after every epoch, every few minutes within a long epoch, at SIGTERM and at Ctrl-C; a rerun resumes. Every
random generator is seeded by (seed, epoch, step). So on a CPU and without a time budget, a run that was killed and
resumed gives exactly the same weights as a run without interruption.
"""

import itertools
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from training.dataset import Dataset
from training.errors import DivergedError
from training.fit import frozen
from training.fit.frozen import ALL, Baseline, described, missing_because
from training.fit.record import RunRecord, few_steps_of, write_about
from training.fit.settings import DEFAULT, Execution, FitSettings
from training.fit.teaching import Teaching, dimension, teaching_of
from training.fit.trainer import Trainer
from training.network.backbone import backbone_of
from training.network.cached import FROZEN
from training.network.weights import save_weights, weights_identity
from training.pipeline.code_digest import code_digest
from training.pipeline.commands import CommandParser, add_settings, add_work_folder, settings_from
from training.pipeline.files import write_json
from training.pipeline.progress import track
from training.pipeline.stages import digest_of, run_stage
from training.pipeline.stopping import stopped_by_signal
from training.pipeline.work_folder import WorkFolder
from training.pipeline.world import SINGLE_PROCESS, World, process_group

log = logging.getLogger(__name__)


def run(
    work: WorkFolder,
    settings: FitSettings,
    checkpoints: Path | None = None,
    world: World = SINGLE_PROCESS,
    execution: Execution = DEFAULT,
    data: Path | None = None,
) -> bool:
    """Run the stage: train, unless the last run had the same settings, dataset and code. Returns whether it ran.

    Args:
        checkpoints: folder for the checkpoint, if it must survive the loss of the machine; by default the work folder.
        world: the processes that train together; every process must call this function.
        execution: how the training is computed. A change of it does not cause a new run.
        data: the folder from which the dataset was prepared: see `training.network.teacher.outputs.run`.

    Raises:
        TeacherError: the teacher's release cannot be used, or does not fit the dataset.
        TrainingError: the processes have different datasets; also the errors of `fit`.
    """
    dataset = Dataset.open(work.dataset)
    _warn_of_other_input(dataset, settings)
    world.check_same_digest("dataset", dataset.training_digest)
    if not world.is_leader:
        runs, dim = world.broadcast(False, 0)
        if runs and settings.freeze != ALL:
            teaching = Teaching(int(dim), {}) if settings.teacher is not None else None
            assist(dataset, settings, world, execution, teaching)
        return bool(runs)
    teaching = teaching_of(work, dataset, settings, data)
    inputs = {
        "dataset": dataset.training_digest,
        "settings": settings.as_json(),
        "weights": weights_identity(settings.weights),
        "teacher": None if teaching is None else teaching.about,
    }
    baseline = frozen.run(work, dataset, settings, world.device, teaching)
    checkpoint = (checkpoints or work.fit) / "checkpoint.pt"
    outputs = [work.weights, work.fit / "history.json", work.fit / "fit.json"]

    def make() -> None:
        world.broadcast(True, dimension(teaching))
        if settings.freeze == ALL and baseline is not None:
            keep_frozen(dataset, settings, work.fit, baseline, world, execution, teaching)
            return
        # Includes the code: after a code change, a run must not resume from a checkpoint of the old code.
        fingerprint = digest_of(inputs | {"code": code_digest(Path(__file__))})
        fit(dataset, settings, work.fit, checkpoint, fingerprint, world, execution, baseline, teaching)

    ran = run_stage(work, "fit", inputs, outputs, make)
    if not ran:
        world.broadcast(False, 0)
    return ran


def fit(
    dataset: Dataset,
    settings: FitSettings,
    folder: Path,
    checkpoint: Path,
    fingerprint: str,
    world: World = SINGLE_PROCESS,
    execution: Execution = DEFAULT,
    baseline: Baseline | None = None,
    teaching: Teaching | None = None,
) -> None:
    """Train on the leader; resumes from a checkpoint with the same fingerprint. Other processes call `assist`.

    Args:
        folder: folder for weights and history.
        checkpoint: checkpoint file, rewritten after every epoch.
        fingerprint: digest of everything that the run depends on.
        baseline: training starts from its heads, and must beat it on the validation split.
        teaching: the teacher, if there is one.

    Raises:
        DivergedError: the loss is not a finite number, and there is no baseline to keep.
        LostProcessError: another process has ended.
        SystemExit: a signal requested a stop, and the checkpoint was written.
        WeightsError: see `training.network.weights.start_from`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    heads = baseline.heads if baseline is not None and settings.epochs else None
    trainer = Trainer(dataset, settings, world.device, world, execution, heads, teaching)
    record = RunRecord(trainer, folder, checkpoint, fingerprint, baseline)
    state = world.broadcast_state(record.resume())
    if state is not None:
        trainer.restore(state)
        log.info("fit: resuming after epoch %d, batch %d", trainer.epoch, trainer.steps_done)
    if (caution := few_steps_of(trainer)) is not None:
        log.warning("fit: %s", caution)
    bar = track(range(trainer.steps_left), None, "fit", "batch")
    with stopped_by_signal() as stop:

        def between_steps() -> bool:
            record.save_if_due()
            return stop.requested

        while world.broadcast(not record.complete)[0]:
            try:
                figures = trainer.train_epoch(bar, between_steps)
            except DivergedError as exc:
                record.end_diverged(exc)
                break
            if figures is None:
                record.save()
                log.info(
                    "fit: stopped after epoch %d, batch %d; run again to resume", trainer.epoch, trainer.steps_done
                )
                world.barrier()
                stop.requested = True  # here or in another process
                break
            figures |= trainer.validate()
            record.add(figures)
            _print_metrics(figures)
    record.write()


def keep_frozen(
    dataset: Dataset,
    settings: FitSettings,
    folder: Path,
    baseline: Baseline,
    world: World,
    execution: Execution,
    teaching: Teaching | None = None,
) -> None:
    """Write the files of a run that trains the heads alone: those of the baseline, with the starting weights."""
    folder.mkdir(parents=True, exist_ok=True)
    model = baseline.network(dataset, settings)
    _print_metrics({"epoch": 0, **baseline.figures})
    write_json(folder / "history.json", [])
    save_weights(folder / "best.safetensors", model.name, model.state_dict(), dataset.categories, model.size)
    about = {"best_epoch": 0, "epochs": 0, "seconds": 0.0, "baseline": described(settings, baseline, FROZEN, None)}
    about |= {"pooled": baseline.pooled, "teacher": None if teaching is None else teaching.about}
    write_about(folder, dataset, settings, execution, world, about)


def assist(
    dataset: Dataset,
    settings: FitSettings,
    world: World,
    execution: Execution = DEFAULT,
    teaching: Teaching | None = None,
) -> None:
    """Train together with the leader, in the other processes. They make no decisions and write no files.

    Raises:
        DivergedError, LostProcessError, SystemExit: see `fit`.
    """
    trainer = Trainer(dataset, settings, world.device, world, execution, teaching=teaching)
    state = world.broadcast_state(None)
    if state is not None:
        trainer.restore(state)
    kept = suppress(DivergedError) if missing_because(settings) is None else nullcontext()
    with kept, stopped_by_signal() as stop:
        while world.broadcast(False)[0]:
            # The loss is that of the whole batch: if it is not finite, it is so in the leader too, which decides.
            if trainer.train_epoch(itertools.repeat(None), lambda: stop.requested) is None:
                world.barrier()
                stop.requested = True
                break
            trainer.validate()


def _print_metrics(figures: dict[str, Any]) -> None:
    """Print one line of metrics. The metric expressions of SageMaker parse it."""
    known = {name: value for name, value in figures.items() if value is not None}
    tqdm.write(" ".join(f"{name}={value:.4g}" for name, value in known.items()), file=sys.stdout)
    sys.stdout.flush()  # output to a pipe would be buffered


def _warn_of_other_input(dataset: Dataset, settings: FitSettings) -> None:
    """Warn if the photos are scaled in another way than the pretrained weights expect. `train` prevents that."""
    own, used = backbone_of(settings.backbone, settings.weights).own_input(), dataset.preprocessing
    if settings.weights != "none" and (own.mean, own.std) != (used.mean, used.std):
        log.warning(
            "%s: its mean and std are %s and %s, not those of the weights of %s: %s and %s; prepare it with --backbone",
            dataset.path, used.mean, used.std, settings.backbone, own.mean, own.std,
        )  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m training.fit`."""
    parser = CommandParser(prog="python -m training.fit", description=__doc__.partition("\n")[0])
    add_work_folder(parser)
    add_settings(parser, FitSettings)
    add_settings(parser, Execution)
    parser.add_argument(
        "--data", type=Path, help="the raw data of the dataset, if the teacher sees photos of another size"
    )
    arguments = parser.parse(argv)
    with process_group(os.environ) as world:
        run(
            WorkFolder(arguments.out),
            settings_from(arguments, FitSettings),
            world=world,
            execution=settings_from(arguments, Execution),
            data=arguments.data,
        )
