"""One forward pass of ResNet50 on one thread, compared with torch and the machine's float32 matrix-product roof."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.figures.table import Goal, Report, Row, exact, spread
from benchmarks.inputs.bench_release import ROOT, SIZE, BenchRelease, bench_release
from benchmarks.processes import baseline
from lambda_app.model.session import Model
from training.export.stage import ACCURACY_DROP, MIN_AGREEMENT, RECALL_DROP
from training.pipeline.progress import track

ROUNDS, PASSES = 15, 5
QUICK_ROUNDS, QUICK_PASSES = 3, 2
# Multiplications and additions of ResNet50 at 224 x 224 (torchvision's model card: 4.09 billion multiply-adds).
GFLOP = 8.2
_ROOF_SIDE = 1536  # side of the square matrices; larger ones do not change the rate
_ROOF_GFLOP = 2 * _ROOF_SIDE**3 / 1e9
# The demo's work folder. Every work folder of `training.train` has the file.
TRAINED = ROOT / "var" / "work-sample"


@dataclass(frozen=True)
class Taken:
    """The time of a call.

    Attributes:
        wall, processor: seconds; `processor` is the sum over all threads of this process.
    """

    wall: float
    processor: float


def run(quick: bool) -> Report:
    """Measure all candidates in turn in one process, so that other work on the machine affects all of them."""
    rounds, passes = (QUICK_ROUNDS, QUICK_PASSES) if quick else (ROUNDS, PASSES)
    candidates = _candidates(bench_release())
    for call in candidates.values():
        call()
    taken: dict[str, list[Taken]] = {name: [] for name in candidates}
    for _ in track(range(rounds), rounds, "forward", "round"):
        for name, call in candidates.items():
            taken[name].append(timed(call, passes))
    rows, notes = precision_rows(TRAINED)
    return Report([*_rows(taken), *rows], notes)


def _candidates(release: BenchRelease) -> dict[str, Callable[[], Any]]:
    torch.set_num_threads(1)
    image = np.random.default_rng(0).normal(size=(1, 3, SIZE, SIZE)).astype(np.float32)
    tensor = torch.from_numpy(image)
    left, right = torch.randn(_ROOF_SIDE, _ROOF_SIDE), torch.randn(_ROOF_SIDE, _ROOF_SIDE)
    known = json.loads((release.baseline / "labels.json").read_bytes())
    eager = baseline.load_model(release.baseline / "weights.pt", known["backbone"], len(known["categories"]))
    float32 = Model(release.float32, threads=1)
    int8 = Model(release.folder / release.manifest.model.file, threads=1)

    @torch.inference_mode()
    def run_eager() -> None:
        eager(tensor)

    return {
        "roof": lambda: torch.mm(left, right),
        "torch": run_eager,
        "float32": lambda: float32.run(image),
        "int8": lambda: int8.run(image),
    }


def timed(call: Callable[[], Any], passes: int) -> Taken:
    """The mean time of some calls in sequence."""
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(passes):
        call()
    return Taken((time.perf_counter() - wall) / passes, (time.process_time() - processor) / passes)


def _rows(taken: dict[str, list[Taken]]) -> list[Row]:
    milliseconds = {name: spread(1000 * each.wall for each in found) for name, found in taken.items()}
    roof = spread(1000 * each.wall * GFLOP / _ROOF_GFLOP for each in taken["roof"])
    busy = sorted(each.processor / each.wall for each in taken["int8"])
    return [
        Row("int8, ms beside the roof's", milliseconds["int8"], roof, Goal("at most", 0.42, of="ratio")),
        Row("float32, ms beside the roof's", milliseconds["float32"], roof),
        Row("int8, ms beside torch eager float32", milliseconds["int8"], milliseconds["torch"]),
        Row("float32, ms beside torch eager float32", milliseconds["float32"], milliseconds["torch"]),
        Row("roof: float32 matrix product, GFLOP/s", spread(_ROOF_GFLOP / each.wall for each in taken["roof"])),
        Row("int8: processor time over wall time", exact(busy[len(busy) // 2]), goal=Goal("at most", 1.1)),
    ]


def precision_rows(work: Path) -> tuple[list[Row], Sequence[str]]:
    """The accuracy that int8 costs a trained model on its validation photos, as measured by its export.

    Returns:
        rows, notes.
    """
    measured = work / "export" / "export.json"
    gate = json.loads(measured.read_bytes()).get("int8") if measured.exists() else None
    if gate is None:
        return [], [
            f"int8 against float32 on a trained model: not measured: it is not in {work.name}/export/export.json; "
            "`scripts/demo --no-serve` trains one with --precision auto"
        ]
    drops = [("accuracy", gate["accuracy_drop"], ACCURACY_DROP), ("recall@4", gate["recall4_drop"], RECALL_DROP)]
    rows = [
        Row(
            "int8 and float32: same category, share of photos",
            exact(gate["agreement"]),
            goal=Goal("at least", MIN_AGREEMENT),
        ),
        *(
            Row(f"int8 below float32: {name}, points", exact(100 * drop), goal=Goal("at most", 100 * limit))
            for name, drop, limit in drops
            if drop is not None
        ),
    ]
    return rows, [f"int8 against float32: {gate['n']} validation photos of {work.name}"]
