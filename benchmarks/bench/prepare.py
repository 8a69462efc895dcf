"""Speed of turning raw listings into a dataset, and whether its peak memory depends on their number."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures.table import Report, Row, exact, spread
from benchmarks.inputs.bench_release import ROOT, VAR
from sample.generate import generate
from training.pipeline.progress import track

SIZES, RUNS = (1_000, 4_000), 3
QUICK_SIZES, QUICK_RUNS = (200, 800), 1
MB = 1e6
# Runs `training.prepare` and prints its own peak memory. `wait4` is no alternative: its figure includes the parent.
_WATCHED = """
import re, runpy
try:
    runpy.run_module("training.prepare", run_name="__main__", alter_sys=True)
finally:
    print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


@dataclass(frozen=True)
class Preparation:
    """One run of `training.prepare` in a process.

    Attributes:
        seconds: run time of the process.
        peak: peak memory in bytes.
    """

    photos: int
    seconds: float
    peak: int


def run(quick: bool) -> Report:
    """Prepare two catalogues, one four times as large as the other, with the default photo size."""
    sizes, runs = (QUICK_SIZES, QUICK_RUNS) if quick else (SIZES, RUNS)
    folders = {photos: catalogue(photos) for photos in sizes}
    order = [photos for _ in range(runs) for photos in sizes]
    found = [prepare(folders[photos], photos) for photos in track(order, len(order), "prepare", "run")]
    small, large = ([each for each in found if each.photos == photos] for photos in sizes)
    return Report(
        [
            Row(
                f"photos a second, {photos:,} photos",
                spread(each.photos / each.seconds for each in runs_of),
            )
            for photos, runs_of in zip(sizes, (small, large), strict=True)
        ]
        + [
            Row(
                f"peak memory, {sizes[1]:,} photos beside {sizes[0]:,}, MB",
                spread(each.peak / MB for each in large),
                spread(each.peak / MB for each in small),
            ),
            Row("decoding threads", exact(os.cpu_count() or 1)),
        ],
        ["the generated sample catalogue; each run is a process with an empty output folder"],
    )


def catalogue(photos: int) -> Path:
    """A generated catalogue with so many photos. It is made only once."""
    folder = VAR / f"catalogue-{photos}"
    if not folder.exists():
        generate(folder, photos=photos)
    return folder


def prepare(data: Path, photos: int) -> Preparation:
    """Run `training.prepare` once."""
    with TemporaryDirectory() as scratch:
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", _WATCHED, str(data), "--out", str(Path(scratch) / "dataset")],
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        )
        return Preparation(photos, time.perf_counter() - begin, 1024 * int(done.stdout.split()[-1]))
