"""Runs of several recipes and seeds, in processes side by side, each in a work folder of its own.

A trial is the stages `fit` and `judge` on a dataset that all trials share. A trial that is done is not run again; one
that was killed goes on from its checkpoint. Each process has the same number of threads, and a trial whose comparison
is killed saves and ends too.
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
_LOG_LINES_TOLD = 5
# Forked from a process that has imported everything and done nothing, which no thread and no GPU is harmed by.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Trial:
    """One recipe with one seed.

    Attributes:
        recipe: its name.
        settings: of the run; seed is one of them.
        folder: where all of it goes.
    """

    recipe: str
    settings: FitSettings
    folder: Path

    def __str__(self) -> str:
        return f"{self.recipe}, seed {self.settings.seed}"

    @property
    def log(self) -> Path:
        """What it writes while it runs."""
        return self.folder / "log.txt"

    @property
    def result_file(self) -> Path:
        """What came of it."""
        return self.folder / "result.json"

    def result(self) -> dict[str, Any]:
        """What came of it: `fit` (`fit.json`), `history`, and `figures` (see `training.evaluate.judge`)."""
        return cast(dict[str, Any], json.loads(self.result_file.read_bytes()))

    def progress(self) -> float:
        """Share of its budget that its finished epochs have taken, in [0, 1]."""
        try:
            history = json.loads((self.folder / "fit" / "history.json").read_bytes())
        except FileNotFoundError:
            return 0.0
        if self.settings.seconds > 0:
            return min(1.0, float(sum(epoch["seconds"] for epoch in history)) / self.settings.seconds)
        return len(history) / self.settings.epochs


def run_trials(trials: Sequence[Trial], dataset: Path, jobs: int, threads: int) -> None:
    """Run every trial that is not done, so many at a time, in their order; a line for each as it ends.

    Args:
        threads: of each process.

    Raises:
        TrainingError: one failed. The others save what they have and end.
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
    """Train and judge, as far as neither is done; leaves `result.json`.

    Raises:
        TrainingError: one that a person can act on.
        SystemExit: SIGTERM asked for a stop, and the checkpoint is written.
    """
    work = WorkFolder(trial.folder)
    if work.dataset.is_symlink():
        work.dataset.unlink()
    work.dataset.symlink_to(os.path.relpath(dataset.resolve(), trial.folder.resolve()))
    fit.run(work, trial.settings)
    opened = Dataset.open(work.dataset)
    inputs = {"dataset": opened.digest, "weights": sha256_of(work.weights), "fit": sha256_of(work.fit / "fit.json")}

    def judge() -> None:
        kept = {name: json.loads((work.fit / f"{name}.json").read_bytes()) for name in ("fit", "history")}
        write_json(trial.result_file, kept | {"figures": evaluate.judge(opened, work).figures})

    run_stage(work, "judge", inputs, [trial.result_file], judge)
    (work.fit / "checkpoint.pt").unlink(missing_ok=True)  # three times the network, and of no more use


def _start(trial: Trial, dataset: Path, threads: int) -> BaseProcess:
    trial.folder.mkdir(parents=True, exist_ok=True)
    process = _processes.Process(target=_work, args=(trial, dataset, threads), daemon=True)
    process.start()
    return process


def _work(trial: Trial, dataset: Path, threads: int) -> None:
    """In a process of its own: run the trial; exits with the status of a command."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the parent hears it too, and asks for a stop
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with trial.log.open("a") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    torch.set_num_threads(threads)
    with _alone_in(trial.folder):
        sys.exit(report_errors(lambda _: run_trial(trial, dataset)))


def _end_with_parent() -> None:
    """Ask this process for a stop when the one that started it is gone, killed or not."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process works in a folder, such as one of a comparison that was killed and still saves."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _check(trial: Trial, process: BaseProcess) -> None:
    if process.exitcode != 0:
        last = " | ".join(trial.log.read_text(errors="replace").splitlines()[-_LOG_LINES_TOLD:])
        raise TrainingError(
            f"the run of {trial} ended with status {process.exitcode}: {last} ({trial.log}); "
            "the same command goes on from where all runs stand"
        )


def _bar(trial: Trial) -> tqdm:
    """On a terminal, how far it is."""
    return tqdm(desc=str(trial), total=1.0, bar_format="{desc} |{bar}| {percentage:3.0f}%", leave=False, disable=None)


def _line(trial: Trial) -> str:
    result = trial.result()
    run, test = result["fit"], result["figures"]["test"]
    return (
        f"{trial}: {run['epochs']} epochs in {run['seconds']:,.0f} s, kept {run['best_epoch']}, "
        f"accuracy {test['accuracy']:.3f} ({test['n']} test photos)"
    )
