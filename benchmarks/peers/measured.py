"""`scripts/bench search --peers`: our search beside ScaNN, usearch, hnswlib and FAISS's own indexes.

All engines get the same float16 vectors and search on one thread, one query at a time, each in a process of its own.
Settings of the others are raised until they reach our recall, with queries that the reported figures do not use.
"""

import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import machine
from benchmarks.figures.table import write_json
from benchmarks.inputs.synthetic import SyntheticCatalogue
from benchmarks.peers import inputs
from benchmarks.peers.engines import ENGINES, OURS
from benchmarks.peers.process import Built, Measured, Tried, chosen
from benchmarks.peers.report import lines, plot
from benchmarks.peers.result import Failed, Result, Size

ROOT = Path(__file__).parents[2].resolve()
SIZES = (100_000, 1_000_000)
ROUNDS = 5
_INSTALL = "scripts/setup peers"


class PeersError(Exception):
    """The benchmark cannot run as asked."""


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    sizes: Sequence[int] = SIZES
    rounds: int = ROUNDS
    engines: Sequence[str] = tuple(ENGINES)
    queries: int = inputs.QUERIES


def run(plan: Plan, json_file: Path | None = None) -> list[Size]:
    """Measure, print a table and write a plot for each size under var/bench.

    Raises:
        PeersError: an unknown engine, or none of the packages to compare with is installed.
    """
    check(plan.engines)
    parent = ROOT / "var" / "bench"
    parent.mkdir(parents=True, exist_ok=True)
    sizes = []
    for count in plan.sizes:
        with tempfile.TemporaryDirectory(dir=parent, prefix="peers-") as folder:
            sizes.append(measure(Path(folder), count, plan))
        print("", *lines(sizes[-1]), sep="\n", flush=True)
        print(plot(sizes[-1], parent / f"peers-{count}.png"), flush=True)
        if json_file is not None:  # after each size: a large one takes long
            write_json(json_file, {"machine": machine.describe(), "sizes": [size.as_json() for size in sizes]})
    return sizes


def check(engines: Sequence[str]) -> None:
    """Refuse unknown names, and a run without any of the packages of the extra.

    Raises:
        PeersError: with what to do.
    """
    if unknown := [name for name in engines if name not in ENGINES]:
        raise PeersError(f"unknown engine {', '.join(unknown)}; there are: {'; '.join(ENGINES)}")
    wanted = [ENGINES[name] for name in engines if ENGINES[name].package]
    if wanted and all(engine.missing() for engine in wanted):
        packages = sorted({engine.package for engine in wanted if engine.package})
        raise PeersError(f"none of {', '.join(packages)} is installed; run {_INSTALL}")


def measure(folder: Path, count: int, plan: Plan) -> Size:
    """Measure the engines with one catalogue size."""
    logging.info("peers: a catalogue of %s", f"{count:,}")
    inputs.write(folder, SyntheticCatalogue(count), plan.queries)
    target, results, failed = 0.0, [], []
    for name in (OURS, *(name for name in plan.engines if name != OURS)):  # ours first: it sets the recall
        if package := ENGINES[name].missing():
            failed.append(Failed(name, f"{package} is not installed; {_INSTALL} installs it"))
            continue
        try:
            built = Built(**_step("build", name, folder))
            tried = [Tried(**one) for one in _step("tune", name, folder, "--recall", str(target))]
        except subprocess.CalledProcessError as exc:
            last = (exc.stderr or "").strip().splitlines()[-1:] or [f"exit code {exc.returncode}"]
            failed.append(Failed(name, last[0]))
            continue
        if name == OURS:
            target = tried[0].recall
        results.append(Result(name, built, tuple(tried), chosen(tried, target), []))
        logging.info("peers: %s built in %.0f s, %s", name, built.seconds, results[-1].chosen)
    for number in range(plan.rounds):
        for result in results if number % 2 == 0 else reversed(results):
            setting = [str(one) for one in result.chosen.setting]
            result.rounds.append(Measured(**_step("measure", result.name, folder, "--setting", *setting)))
    return Size(count, target, results, failed)


def _step(step: str, name: str, folder: Path, *options: str) -> Any:
    command = [sys.executable, "-m", "benchmarks.peers.process", step, name, str(folder), *options]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])
