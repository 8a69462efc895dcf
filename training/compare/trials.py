"""Run trials (a recipe with a seed) in parallel processes, each in a separate work folder.

A trial runs the stages `fit` and `judge` on a dataset that all trials share. A finished trial is not run again; a trial
that was killed resumes from its checkpoint. All processes have the same number of threads. If the parent process is
killed, its trials save a checkpoint and exit too.
"""

import fcntl
import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, cast

import torch
from tqdm import tqdm

from lambda_app.release.manifest import sha256_of
from training.dataset import Dataset
from training.errors import TrainingError
from training.evaluate import stage as evaluate
from training.fit import stage as fit
from training.fit.settings import FitSettings
from training.pipeline.commands import report_errors
from training.pipeline.files import write_json
from training.pipeline.stages import run_stage
from training.pipeline.work_folder import WorkFolder

_SECONDS_BETWEEN_LOOKS = 1.0
_LOG_LINES_SHOWN = 5
# Fork from a server process that has only imported the modules: it has no threads and no CUDA context.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Trial:
    """One recipe with one seed.

    Attributes:
        recipe: name of the recipe.
        settings: settings of the run, including the seed.
        folder: work folder of the trial.
    """

    recipe: str
    settings: FitSettings
    folder: Path

    def __str__(self) -> str:
        return f"{self.recipe}, seed {self.settings.seed}"

    @property
    def log(self) -> Path:
        """The log file: standard output and standard error of the process."""
        return self.folder / "log.txt"

    @property
    def result_file(self) -> Path:
        """The result file, `result.json`."""
        return self.folder / "result.json"

    def result(self) -> dict[str, Any]:
        """The results: `fit` (`fit.json`), `history`, and `figures` (see `training.evaluate.stage.judge`)."""
        return cast(dict[str, Any], json.loads(self.result_file.read_bytes()))

    def progress(self) -> float:
        """Share of the budget that the finished epochs have used, in [0, 1]."""
        try:
            history = json.loads((self.folder / "fit" / "history.json").read_bytes())
        except FileNotFoundError:
            return 0.0
        if self.settings.seconds > 0:
            return min(1.0, float(sum(epoch["seconds"] for epoch in history)) / self.settings.seconds)
        return len(history) / self.settings.epochs


def run_trials(trials: Sequence[Trial], dataset: Path, jobs: int, threads: int) -> None:
    """Run all trials that are not finished, in order, `jobs` at a time. Prints a line when a trial ends.

    Args:
        threads: number of threads of each process.

    Raises:
        TrainingError: a trial failed. The others save a checkpoint and exit.
    """
    waiting, running = list(trials), dict[Trial, tuple[BaseProcess, tqdm]]()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                trial = waiting.pop(0)
                running[trial] = _start(trial, dataset, threads), _bar(trial)
            wait([process.sentinel for process, _ in running.values()], _SECONDS_BETWEEN_LOOKS)
            for trial, (process, bar) in list(running.items()):
                bar.n = trial.progress()
                bar.refresh()
                if not process.is_alive():
                    bar.close()
                    del running[trial]
                    _check(trial, process)
                    tqdm.write(_line(trial), file=sys.stdout)
                    sys.stdout.flush()
    finally:
        for process, bar in running.values():
            process.terminate()
            bar.close()
        for process, _ in running.values():
            process.join()


def run_trial(trial: Trial, dataset: Path) -> None:
    """Run the stages `fit` and `judge` of a trial, unless they are done; writes `result.json`.

    Raises:
        TrainingError: a stage failed.
        SystemExit: SIGTERM requested a stop, and the checkpoint was written.
    """
    work = WorkFolder(trial.folder)
    if work.dataset.is_symlink():
        work.dataset.unlink()
    work.dataset.symlink_to(os.path.relpath(dataset.resolve(), trial.folder.resolve()))
    fit.run(work, trial.settings)
    opened = Dataset.open(work.dataset)
    inputs = {
        "dataset": opened.training_digest,
        "weights": sha256_of(work.weights),
        "fit": sha256_of(work.fit / "fit.json"),
    }

    def judge() -> None:
        kept = {name: json.loads((work.fit / f"{name}.json").read_bytes()) for name in ("fit", "history")}
        write_json(trial.result_file, kept | {"figures": evaluate.judge(opened, work).figures})

    run_stage(work, "judge", inputs, [trial.result_file], judge)
    (work.fit / "checkpoint.pt").unlink(missing_ok=True)  # three times the size of the network, and no longer needed


def _start(trial: Trial, dataset: Path, threads: int) -> BaseProcess:
    trial.folder.mkdir(parents=True, exist_ok=True)
    process = _processes.Process(target=_run_in_process, args=(trial, dataset, threads), daemon=True)
    process.start()
    return process


def _run_in_process(trial: Trial, dataset: Path, threads: int) -> None:
    """Entry point of the child process: run the trial and exit with its status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which stops the trials
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with trial.log.open("a") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    torch.set_num_threads(threads)
    with _exclusive_lock(trial.folder):
        sys.exit(report_errors(lambda _: run_trial(trial, dataset)))


def _end_with_parent() -> None:
    """Send SIGTERM to this process when its parent process ends for any reason."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _exclusive_lock(folder: Path) -> Iterator[None]:
    """Lock a work folder; waits for other processes, such as an old trial that is still saving its checkpoint."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _check(trial: Trial, process: BaseProcess) -> None:
    if process.exitcode != 0:
        last = " | ".join(trial.log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:])
        raise TrainingError(
            f"the run of {trial} ended with status {process.exitcode}: {last} ({trial.log}); "
            "run the same command again to resume all runs"
        )


def _bar(trial: Trial) -> tqdm:
    """A progress bar for the trial, shown only on a terminal."""
    return tqdm(desc=str(trial), total=1.0, bar_format="{desc} |{bar}| {percentage:3.0f}%", leave=False, disable=None)


def _line(trial: Trial) -> str:
    result = trial.result()
    run, test = result["fit"], result["figures"]["test"]
    return (
        f"{trial}: {run['epochs']} epochs in {run['seconds']:,.0f} s, best epoch {run['best_epoch']}, "
        f"accuracy {test['accuracy']:.3f} ({test['n']} test photo{'' if test['n'] == 1 else 's'})"
    )
